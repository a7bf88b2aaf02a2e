"""A plugin that loads, and whose applications and pages go wrong in every way they can: tests only."""

from suite import Entry, hookimpl


@hookimpl
def suite_domains():
    return [
        Entry("grumpy", "Draws half a demo and fails.", "suite_odd.domains:GRUMPY"),
        Entry("vanished", "Needs a module nobody has.", "suite_odd.vanished:VANISHED"),
    ]


@hookimpl
def suite_pages():
    return [
        Entry("two-mistakes", "A user's mistake and a bug.", "suite_odd.pages:two_mistakes"),
        Entry("any-file", "Returns the file that a visitor names.", "suite_odd.pages:any_file"),
        Entry("no-page", "Fails while it is drawn.", "suite_odd.pages:no_page"),
    ]
