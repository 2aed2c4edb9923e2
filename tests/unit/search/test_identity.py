import pytest

from firstline.errors import MachineDiffers
from firstline.search.identity import check_same

HERE = {"python": "3.11.2", "torch": "2.13.0", "code": "ab12"}


def test_what_the_other_machine_lacks_is_no_difference() -> None:
    check_same(HERE, {"python": "3.11.2", "code": "ab12"}, "tcp://10.0.0.7:4000")


def test_other_versions_are_named_with_the_machine() -> None:
    with pytest.raises(MachineDiffers, match=r"^tcp://10\.0\.0\.7:4000 has python 3\.12\.1 instead of 3\.11\.2$"):
        check_same(HERE, {"python": "3.12.1", "code": "cd34"}, "tcp://10.0.0.7:4000")


def test_other_code_is_said() -> None:
    with pytest.raises(MachineDiffers, match="has other code of Firstline"):
        check_same(HERE, {**HERE, "code": "cd34"}, "tcp://10.0.0.7:4000")
