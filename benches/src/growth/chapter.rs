//! The pictures, and what each line of them shows.

use super::series::Unit;

/// A picture, and the table beside it.
pub(super) struct Chapter {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: Unit,
    pub(super) lines: &'static [Line],
}

/// One line of a picture.
pub(super) struct Line {
    pub(super) title: &'static str,
    /// The measurement it comes from, and its figure there.
    pub(super) what: &'static str,
    pub(super) figure: &'static str,
    /// The largest application it is measured with.
    pub(super) most: usize,
}

impl Chapter {
    /// The one with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|chapter| chapter.name == name)
    }
}

const ALL_SIZES: usize = usize::MAX;

/// A hundred edges a service are ten million at this size.
const MANY_EDGES: usize = 100_000;

/// A page of more rows is not read.
const READABLE: usize = 100_000;

const fn line(title: &'static str, what: &'static str, figure: &'static str, most: usize) -> Line {
    Line {
        title,
        what,
        figure,
        most,
    }
}

/// All pictures.
pub(super) const ALL: &[Chapter] = &[
    Chapter {
        name: "start",
        title: "assembly and start",
        unit: Unit::Seconds,
        lines: &[
            line("idle services", "idle", "start", ALL_SIZES),
            line("with a startup and a drain", "hooks", "start", ALL_SIZES),
            line("schedules", "ticks", "start", ALL_SIZES),
        ],
    },
    Chapter {
        name: "stop",
        title: "stop",
        unit: Unit::Seconds,
        lines: &[
            line("idle services", "idle", "stop", ALL_SIZES),
            line("with a startup and a drain", "hooks", "stop", ALL_SIZES),
            line("schedules", "ticks", "stop", ALL_SIZES),
        ],
    },
    Chapter {
        name: "memory",
        title: "resident memory while they run",
        unit: Unit::Bytes,
        lines: &[
            line("idle services", "idle", "memory", ALL_SIZES),
            line("with a startup and a drain", "hooks", "memory", ALL_SIZES),
            line("schedules", "ticks", "memory", ALL_SIZES),
        ],
    },
    Chapter {
        name: "order",
        title: "services that depend on each other",
        unit: Unit::Seconds,
        lines: &[
            line("chain: assembly and start", "chain", "start", ALL_SIZES),
            line("chain: stop", "chain", "stop", ALL_SIZES),
            line("random: assembly and start", "random", "start", ALL_SIZES),
            line("random: stop", "random", "stop", ALL_SIZES),
            line(
                "layers of 100: assembly and start",
                "layers",
                "start",
                MANY_EDGES,
            ),
            line("layers of 100: stop", "layers", "stop", MANY_EDGES),
        ],
    },
    Chapter {
        name: "ticks",
        title: "one tick of every service",
        unit: Unit::Seconds,
        lines: &[line("schedules", "ticks", "tick", ALL_SIZES)],
    },
    Chapter {
        name: "looking",
        title: "one look at all services",
        unit: Unit::Seconds,
        lines: &[
            line("states()", "idle", "states", ALL_SIZES),
            line("status(name) of each", "idle", "status", ALL_SIZES),
            line("/readyz?verbose", "ops", "/readyz?verbose", READABLE),
            line("/services", "ops", "/services", READABLE),
            line("/metrics", "ops", "/metrics", READABLE),
            line("the page", "ops", "/", READABLE),
        ],
    },
];
