from firstline.labelling.class_advice import ClassAdvice, class_advice


def test_classes_go_from_the_fewest_labels_up_each_with_its_reason() -> None:
    found = class_advice(["a"] * 30 + ["b"] * 4 + ["c"] + ["d"] * 19 + ["e"] * 20, folds=5)
    assert found == [
        ClassAdvice("c", 1, False, "a single message: it is learned but cannot be checked"),
        ClassAdvice("b", 4, False, "fewer than 5 folds: some have none to check"),
        ClassAdvice("d", 19, False, "fewer than 20: figures of this class are uncertain by a fifth or more"),
        ClassAdvice("e", 20, True, ""),
        ClassAdvice("a", 30, True, ""),
    ]
