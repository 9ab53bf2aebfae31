"""Status codes: names, numbers, phrases and predicates."""

from __future__ import annotations

import httpx
from tests.differential.cases import Cases

CASES = Cases()


def describe_code(number: int) -> object:
    code = httpx.codes(number)
    return [code.name, str(code), repr(code), f"{code}", code == number, type(code).__mro__[1].__name__]


def judge_code(number: int) -> object:
    return [
        httpx.codes.is_informational(number),
        httpx.codes.is_success(number),
        httpx.codes.is_redirect(number),
        httpx.codes.is_client_error(number),
        httpx.codes.is_server_error(number),
        httpx.codes.is_error(number),
        httpx.codes.get_reason_phrase(number),
    ]


@CASES.add
def all_codes_in_their_order() -> object:
    return [(code.name, int(code), code.get_reason_phrase(code)) for code in httpx.codes]


CASES.table(describe_code, [100, 200, 204, 301, 404, 418, 421, 500, 511, 0, 99, 299, 599, 600])
CASES.table(judge_code, [0, 99, 100, 103, 199, 200, 299, 300, 304, 399, 400, 404, 499, 500, 599, 600, 999, -1])

CASES.expressions("""
httpx.codes.OK
httpx.codes.ok
httpx.codes.NOT_FOUND
httpx.codes.not_found
httpx.codes["OK"]
httpx.codes["ok"]
httpx.codes.OK == 200
httpx.codes.OK + 1
str(httpx.codes.OK)
repr(httpx.codes.OK)
f"{httpx.codes.OK}"
"%d" % httpx.codes.OK
httpx.codes.OK.value
httpx.codes.OK.name
httpx.codes("200")
len(httpx.codes)
httpx.codes.IM_A_TEAPOT.is_client_error(418)
httpx.codes.get_reason_phrase(418)
""")
