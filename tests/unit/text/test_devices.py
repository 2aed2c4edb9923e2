import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("захожу с 95.173.14.70 и не пускает", "захожу с <IP> и не пускает"),
        ("IP 100.120.222.25 закрыт", "IP <IP> закрыт"),
        ("192.168.10.254:8080", "<IP>"),
        ("вход с 10.0.0.1 не мой", "вход с <IP> не мой"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "<IP>"),
        ("адрес fe80::1ff:fe23:4567:890a", "адрес <IP>"),
        ("00:1A:2B:3C:4D:5E", "<MAC>"),
        ("00-1a-2b-3c-4d-5e", "<MAC>"),
    ],
)
def test_addresses_of_devices_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "версия приложения 12.134.156.78", "Android 14.0.0.1", "обновил до версии 10.20.30.40", "п. 4.2.1.3",
        "1С 8.3.20.1549",
        "10:20:30", "std::vector", "1:2:3:4:5:6:7:8", "300.120.10.25",
        "вход с 550e8400-e29b-41d4-a716-446655440000", "код 0x80070005",
    ],
)  # fmt: skip
def test_versions_times_and_uuids_stay(text: str) -> None:
    assert mask(text) == text
