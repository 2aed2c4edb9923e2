import numpy as np
import pytest

from firstline.training.candidates.tfidf import BLOCKS, TfidfBlocks

TEXTS = ["где моя карта", "где мой перевод", "карта не работает", "где банкомат", "карта где"]


def test_of_many_features_those_of_most_texts_are_kept() -> None:
    every = TfidfBlocks(BLOCKS)
    every.fit_transform(TEXTS)
    few = TfidfBlocks(BLOCKS, most=3)
    features = few.fit_transform(TEXTS)
    words = few.fitted().vocabularies[0]
    assert words == ["где", "карта"]
    assert [len(names) <= 3 for names in few.fitted().vocabularies] == [True, True]
    np.testing.assert_allclose(few.transform(TEXTS).toarray(), features.toarray(), atol=1e-6)
    lengths = np.sqrt((features.toarray()[:, :2] ** 2).sum(axis=1))
    assert lengths == pytest.approx([1, 1, 1, 1, 1])


def test_features_that_are_all_as_rare_stay() -> None:
    tied = TfidfBlocks(BLOCKS, most=1)
    assert tied.fit_transform(["раз два"]).shape[1] == TfidfBlocks(BLOCKS).fit_transform(["раз два"]).shape[1]


def test_few_features_are_all_kept() -> None:
    plain, bounded = TfidfBlocks(BLOCKS, min_df=2), TfidfBlocks(BLOCKS, min_df=2, most=1_000)
    np.testing.assert_array_equal(plain.fit_transform(TEXTS).toarray(), bounded.fit_transform(TEXTS).toarray())


def test_the_more_classes_the_fewer_features_but_for_some() -> None:
    found = [TfidfBlocks.of_many(BLOCKS, n_classes).most for n_classes in (2, 100, 1_000)]
    assert found == [3_000_000, 60_000, 20_000]
