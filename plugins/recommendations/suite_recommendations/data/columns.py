"""The columns of an interaction log, and the names that other programs give them."""

from __future__ import annotations

from suite import Column, Columns

_USER = "user_id userid uid customer customer_id session session_id account visitor member reviewer_id"


_ITEM = (
    "item_id itemid iid product product_id movie movie_id film article article_id sku asin track track_id book book_id "
    "video_id content_id id"
)


_TIME = "timestamp date datetime event_time ts unix_time unixReviewTime created_at"


_TITLE = "name item_title product_name movie_title headline"


_TEXT = "description genres genre category categories class tags summary"


COLUMNS = Columns(
    (
        Column("user", "id", "who", aliases=tuple(_USER.split())),
        Column("item", "id", "what", aliases=tuple(_ITEM.split())),
        Column("time", "time", "when, as a number or an ISO 8601 date", required=False, aliases=tuple(_TIME.split())),
        Column("rating", "number", "how much it was liked", required=False, aliases=("score", "stars", "overall")),
        Column("title", "text", "the item's name", required=False, aliases=tuple(_TITLE.split())),
        Column("text", "text", "the item in words", required=False, aliases=tuple(_TEXT.split())),
    ),
    time="time",
    unique=("user", "item", "time"),
)
