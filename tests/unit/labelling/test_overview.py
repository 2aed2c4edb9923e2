import pytest

from firstline.labelling.overview import similar_names


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["Карта", "карта"], [("Карта", "карта")]),
        (["Счёт", "Счет"], [("Счет", "Счёт")]),
        (["Карта", "Кaртa"], [("Кaртa", "Карта")]),
        (["Вход в приложение", "Вход  в приложение "], [("Вход  в приложение ", "Вход в приложение")]),
        (["Карта", "Карты", "Счёт"], []),
        ([], []),
    ],
)
def test_names_that_differ_little_are_found(names: list[str], groups: list[tuple[str, ...]]) -> None:
    assert similar_names(names) == groups
