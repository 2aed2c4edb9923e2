import pytest

from firstline.errors import CorpusUnusable, UsageError
from firstline.language_models.tokenizer_training import take_evenly, train_tokenizer
from firstline.text.rules import TextRules
from firstline.text.tokenizer import MOST_TOKENS, PAD, UNKNOWN, Tokenizer

RULES = TextRules.of_language("ru")
SUBJECTS = ("карта", "карту", "картой", "перевод", "переводы", "переводом", "вклад", "вклада", "кредит", "кредита")
VERBS = ("не приходит", "не работает", "заблокировали", "потерялась", "где найти", "когда будет", "как закрыть")
TEXTS = [RULES(f"Здравствуйте, {subject} {verb}?!") for subject in SUBJECTS for verb in VERBS]
MANY = 10**9


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 80)


def test_pieces_are_learned_from_the_texts(tokenizer: Tokenizer) -> None:
    assert tokenizer.n_pieces <= 80
    assert max(map(len, tokenizer.pieces("карта"))) > 2


def test_a_text_comes_back_from_its_ids(tokenizer: Tokenizer) -> None:
    assert "".join(tokenizer.pieces("где перевод")).replace("▁", " ").strip() == "где перевод"


def test_a_letter_that_was_never_seen_is_unknown(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("漢")[-1] == UNKNOWN


def test_pieces_come_after_the_ids_that_the_tokenizer_reserves(tokenizer: Tokenizer) -> None:
    assert min(id_ for text in TEXTS for id_ in tokenizer.encode(text)) > PAD


def test_special_tokens_are_those_of_the_rules_and_no_others() -> None:
    tokenizer = train_tokenizer(["xxmask_phone звонил xxseg_lead", "xxup карта"], 100)
    expected = ("xxup", "xxcap", "xxrep", *(f"xxnum{n}" for n in range(3, 10)))
    assert tokenizer.special_tokens == expected


def test_every_token_that_the_rules_write_is_known(tokenizer: Tokenizer) -> None:
    ruled = RULES("КАРТА Не работает!!! 123 1234 12345 123456 1234567 12345678 1234567890")
    found = [piece for piece in tokenizer.pieces(ruled) if piece.startswith("xx")]
    assert found == ["xxup", "xxcap", "xxrep", *(f"xxnum{n}" for n in range(3, 10))]


def test_special_tokens_are_not_learned_as_pieces() -> None:
    tokenizer = train_tokenizer([f"xxcap карта xxnum{n % 7 + 3} xxmask_phone" for n in range(50)], 200)
    assert tokenizer.encode("x")[-1] == UNKNOWN


def test_digits_are_pieces_of_their_own() -> None:
    tokenizer = train_tokenizer(["срок 12 дней", "срок 12 лет", "срок 12 часов"] * 5, 100)
    assert tokenizer.pieces("12")[-2:] == ["1", "2"]


def test_the_same_texts_give_the_same_model(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(iter(TEXTS), 80).model == tokenizer.model


def test_a_text_longer_than_sentencepiece_takes_by_itself_is_learned_from() -> None:
    tokenizer = train_tokenizer([" ".join(TEXTS * 3)], 80)
    assert tokenizer.pieces("карта")[0].startswith("▁к")


def test_a_tiny_text_gives_fewer_pieces() -> None:
    assert 4 < train_tokenizer(["да нет"], 30_000).n_pieces < 20


def test_too_few_pieces_for_the_letters_are_an_error_that_says_how_many() -> None:
    with pytest.raises(UsageError, match=r"10 pieces are too few .* expected \d+ at least"):
        train_tokenizer(TEXTS, 10)


@pytest.mark.parametrize("n_pieces", [0, -1, MOST_TOKENS])
def test_numbers_of_pieces_out_of_range_are_an_error(n_pieces: int) -> None:
    with pytest.raises(UsageError, match="A tokenizer has 1 to"):
        train_tokenizer(TEXTS, n_pieces)


@pytest.mark.parametrize("texts", [[], ["", "  "], ["xxmask_phone", "xxnum4 xxseg_lead"]])
def test_texts_without_words_are_an_error(texts: list[str]) -> None:
    with pytest.raises(CorpusUnusable, match="no words"):
        train_tokenizer(texts, 100)


def test_what_sentencepiece_refuses_is_an_error_of_the_corpus() -> None:
    with pytest.raises(CorpusUnusable, match="cannot learn"):
        train_tokenizer(["▁"], 100)


def test_training_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    train_tokenizer(TEXTS, 60)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 7, 1000])
def test_texts_are_taken_evenly(seed: int) -> None:
    kept = [int(text) for text in take_evenly(map(str, range(1000)), 300, MANY, seed)]
    assert kept == list(range(seed % 4, 1000, 4))


def test_texts_within_the_bounds_are_all_taken() -> None:
    assert take_evenly(iter("абв"), 3, 3, seed=5) == ["а", "б", "в"]


def test_characters_are_bounded_as_well() -> None:
    assert take_evenly(["а" * 10] * 16, MANY, 40, seed=0) == ["а" * 10] * 4


@pytest.mark.parametrize("seed", [0, 1])
def test_one_text_is_kept_however_long(seed: int) -> None:
    assert take_evenly(["а" * 100], MANY, 10, seed) == ["а" * 100]
