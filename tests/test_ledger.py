"""The books: read = delivered + dropped + dead-lettered + in flight."""

from shipper.ledger import Account, Ledger


def test_an_account_balances_when_every_line_is_somewhere() -> None:
    account = Account(read=10, delivered=4, in_flight=3)
    account.dropped["blank"] = 2
    account.dead_lettered["too_old"] = 1
    assert account.imbalance == 0


def test_an_imbalance_names_its_source_and_size() -> None:
    ledger = Ledger()
    ledger.account("good").read = ledger.account("good").delivered = 5
    ledger.account("bad").read = 7
    ledger.account("bad").delivered = 5
    assert ledger.imbalances() == {"bad": 2}
