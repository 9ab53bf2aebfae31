"""Whatever a client hands out is checked, and the report says what came of it."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks import plot, report
from benchmarks.adapters.base import Answer
from benchmarks.exchanges import WrongAnswer, check
from benchmarks.origin.answers import find_answer, make_json
from benchmarks.origin.server import Upload
from benchmarks.rounds import Samples
from benchmarks.workloads import TEXT, WORKLOADS

GET = WORKLOADS["async-1k-16"]
POST = WORKLOADS["post-1k-64"]


@pytest.mark.parametrize("content_type", [TEXT, TEXT.encode(), memoryview(TEXT.encode())])
def test_right_answers_pass(content_type: str | bytes | memoryview) -> None:
    check(Answer(200, content_type, b"x" * 1024), GET)
    check(Answer(200, content_type, 1024), replace(GET, action="stream"))
    check(Answer(200, content_type, b"1024"), POST)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, TEXT, b"x" * 1024),
        Answer(200, None, b"x" * 1024),
        Answer(200, "text/html", b"x" * 1024),
        Answer(200, TEXT, b"x" * 1023),
        Answer(200, TEXT, 1025),
    ],
)
def test_wrong_answers_are_found(answer: Answer) -> None:
    with pytest.raises(WrongAnswer):
        check(answer, GET)


def test_upload_that_lost_bytes_is_found() -> None:
    with pytest.raises(WrongAnswer):
        check(Answer(200, TEXT, b"1023"), POST)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_origin_counts_chunks_however_they_come(size: int) -> None:
    body = b"5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
    upload = Upload(b"post /upload http/1.1\r\ntransfer-encoding: chunked")
    ends = [upload.take(body[start : start + size]) for start in range(0, len(body), size)]
    assert upload.size == 21
    assert ends == [False] * (len(ends) - 1) + [True]


def test_answers_are_whole_messages() -> None:
    for target in (b"/bytes/1024", b"/json", b"/gzip", b"/close/10", b"/redirect/2", b"/cookies/set/3"):
        message = find_answer(target)
        assert message is not None
        head, _, body = message.partition(b"\r\n\r\n")
        assert b"Content-Length: %d\r\n" % len(body) in head
    assert find_answer(b"/nothing") is None
    assert 10 * 1024 <= len(make_json(10 * 1024)) < 11 * 1024


def make_samples() -> Samples:
    return {
        ("async-1k-16", "ours"): [{"cost": 10.0, "rate": 1.0, "p99": 2.0, "peak": 3.0, "origin": 0.5}] * 3,
        ("async-1k-16", "wreq"): [{"cost": cost, "rate": 1.0, "p99": 2.0, "peak": 3.0} for cost in (40.0, 20.0, 999.0)],
        ("async-1k-16", "requests"): [{"unsupported": "no async client"}],
        ("sync-1k-8", "ours"): [{"cost": 30.0}],
        ("sync-1k-8", "urllib3"): [{"cost": 60.0}],
        ("sync-1k-8", "pycurl"): [{"error": "it crashed"}],
        ("cold-import", "ours"): [],
    }


def test_report_takes_medians_and_holds_to_promises() -> None:
    tables = report.summarise(make_samples())
    assert [(row.library, row.cost) for row in tables["async-1k-16"][:2]] == [("ours", 10.0), ("wreq", 40.0)]
    verdicts = {(verdict.title, verdict.peer): verdict.figure for verdict in report.judge(tables)}
    assert verdicts["GET 1 KiB at 16, asyncio", "wreq (Rust)"] == 0.25
    assert verdicts["sync GET 1 KiB, 8 threads on one client", "urllib3"] == 0.5
    text = report.format_tables(tables)
    assert "requests" not in text.partition("sync GET")[0].replace("requests/s", "")
    assert "it crashed" in text
    assert "0.3  NOT HELD" in text


def test_plot_is_a_picture_of_the_tables() -> None:
    picture = ElementTree.fromstring(plot.draw(report.summarise(make_samples())))
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:4] == ["GET 1 KiB at 16, asyncio", "this package", "10"]
