"""What a transaction table must hold, and the names under which well-known data sets hold it."""

from __future__ import annotations

from suite import Column, Columns

COLUMNS = Columns(
    (
        Column(
            "time",
            "time",
            "when it happened: date and time, epoch seconds, or steps since the start",
            aliases=(
                "TX_DATETIME",  # the ULB handbook's simulator
                "TransactionDT",  # IEEE-CIS
                "step",  # PaySim, BankSim
                "trans_date_trans_time",  # Sparkov
                "Time",  # ULB credit card
                "timestamp",
                "EVENT_TIMESTAMP",  # Amazon's fraud data set benchmark
                "datetime",
                "date",
                "transaction_time",
                "transaction_date",
                "transaction_datetime",
                "created_at",
            ),
        ),
        Column(
            "entity",
            "id",
            "whose transaction it is: card, customer or account; without it no transaction has a history",
            required=False,
            aliases=(
                "CUSTOMER_ID",
                "card1",
                "nameOrig",
                "cc_num",
                "customer",
                "ENTITY_ID",
                "customer_id",
                "card_id",
                "card",
                "account",
                "account_id",
                "user_id",
                "client_id",
                "sender",
            ),
        ),
        Column(
            "amount",
            "number",
            "how much money, in one currency",
            aliases=("TX_AMOUNT", "TransactionAmt", "amt", "Amount", "transaction_amount", "value", "sum"),
        ),
        Column(
            "label",
            "category",
            "whether it was fraud: 1 or 0, true or false, fraud or legit; empty where nobody knows",
            required=False,
            aliases=(
                "TX_FRAUD",
                "isFraud",
                "is_fraud",
                "Class",
                "fraud",
                "EVENT_LABEL",
                "fraud_label",
                "is_fraudulent",
                "fraudulent",
                "chargeback",
            ),
        ),
        Column(
            "counterparty",
            "id",
            "whom the money goes to: terminal, merchant or account",
            required=False,
            aliases=(
                "TERMINAL_ID",
                "nameDest",
                "merchant",
                "terminal",
                "merchant_id",
                "terminal_id",
                "recipient",
                "receiver",
                "payee",
                "beneficiary",
            ),
        ),
    ),
    time="time",
)
"""The columns of the domain. No two need differ in anything: equal payments in one second do happen."""
ALIASES = {column.name: column.aliases for column in COLUMNS}
"""Names under which each column is recognised."""
