import socket

import pytest

from firstline.cli.serve import listen
from firstline.errors import AddressUnusable


def test_a_port_that_is_taken_names_one_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        with pytest.raises(AddressUnusable) as caught:
            listen("127.0.0.1", held.getsockname()[1])
        free = int(caught.value.next_step.rpartition("--port ")[2])
        listen("127.0.0.1", free).close()


def test_an_address_of_another_machine_names_no_port() -> None:
    with pytest.raises(AddressUnusable) as caught:
        listen("192.0.2.1", 8080)
    assert caught.value.next_step == "Name another --host."
