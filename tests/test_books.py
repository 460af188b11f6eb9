"""The ledger against the lines that really are under way."""

from collections import Counter

from shipper.books import Books, imbalances
from shipper.failures import Failures
from shipper.ledger import Ledger


def ledger() -> Ledger:
    books = Ledger()
    account = books.account("app")
    account.read, account.delivered, account.in_flight = 10, 4, 3
    account.dropped["blank"] = 2
    account.dead_lettered["too_old"] = 1
    return books


def test_books_balance_when_every_line_is_settled_or_where_the_ledger_says() -> None:
    assert imbalances(ledger(), Counter(app=3)) == {}


def test_a_line_that_is_not_where_the_ledger_says_is_found_though_the_ledger_adds_up() -> None:
    assert imbalances(ledger(), Counter(app=2)) == {
        "app": "10 lines read, 7 settled, 3 in flight by the books and 2 by count"
    }


def test_a_line_that_the_ledger_lost_is_found() -> None:
    books = ledger()
    books.account("app").delivered = 5
    assert imbalances(books, Counter(app=3)) == {
        "app": "10 lines read, 8 settled, 3 in flight by the books and 3 by count"
    }


def test_an_imbalance_is_named_once_per_source_and_an_error_where_it_is_to_be_one() -> None:
    failures = Failures()
    lenient, strict = (Books(ledger(), failures, strict=strict) for strict in (False, True))
    assert (lenient.check({}), strict.check({"app": 3}), lenient.error, strict.error) == (False, True, None, None)
    assert strict.check({"app": 4}) is False
    detail = "10 lines read, 7 settled, 3 in flight by the books and 0 by count"
    assert [(failure.name, failure.source, failure.detail) for failure in failures.current()] == [
        ("books_unbalanced", "app", detail)
    ]
    assert strict.error is not None
    assert strict.error.message == (
        "the books do not balance: source app: 10 lines read, 7 settled, 3 in flight by the books and 4 by count"
    )
