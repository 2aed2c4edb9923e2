from firstline.stress.outcomes import Outcomes


def test_refusals_are_no_errors_and_have_no_latency() -> None:
    outcomes = Outcomes()
    for status in (200, 429, 503, 503, 500, 404, 500):
        outcomes.count(status, 0.5)
    assert outcomes.n_answered == 1
    assert outcomes.refused == {429: 1, 503: 2}
    assert outcomes.errors == {"status 500": 2, "status 404": 1}
    assert outcomes.n_errors == 3


def test_latencies_are_percentiles_in_milliseconds() -> None:
    outcomes = Outcomes()
    for place in range(101):
        outcomes.count(200, place / 1000)
    found = {name: round(value, 6) for name, value in outcomes.latency_ms().items()}
    assert found == {"p50": 50, "p90": 90, "p99": 99, "max": 100}


def test_without_an_answer_there_is_no_latency() -> None:
    outcomes = Outcomes()
    outcomes.count(503, 0.1)
    assert outcomes.latency_ms() == {}


def test_only_answers_make_throughput() -> None:
    outcomes = Outcomes(elapsed_s=2.0)
    for status in (200, 200, 200, 429, 500):
        outcomes.count(status, 0.1)
    assert outcomes.requests_per_s == 1.5


def test_a_load_that_was_stopped_at_once_has_no_throughput() -> None:
    assert Outcomes().requests_per_s == 0
