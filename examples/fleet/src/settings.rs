//! What the environment says.

use std::env;
use std::time::Duration;

/// How this replica is set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `DATABASE_URL`: the PostgreSQL that all replicas share.
    pub database: String,
    /// `FLEET_NAME`: what this replica signs with. Its process id, where it is not set.
    pub name: String,
    /// `FLEET_OPS`: where it shows itself. A free port of the loopback address, where it is not set.
    pub ops: String,
    /// How long a lease is good for that is not renewed.
    pub term: Duration,
    /// When the report is due.
    pub report: &'static str,
    /// How often the census is taken.
    pub census: Duration,
    /// How often a replica says that it is there.
    pub presence: Duration,
}

impl Settings {
    /// `FLEET_FAST`: a night every two seconds, to look at.
    pub fn from_environment() -> Self {
        let set = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
        let is_fast = env::var_os("FLEET_FAST").is_some();
        let quick = |fast, usual| Duration::from_millis(if is_fast { fast } else { usual });
        Self {
            database: set("DATABASE_URL", "postgres://postgres@localhost/postgres"),
            name: set("FLEET_NAME", &std::process::id().to_string()),
            ops: set("FLEET_OPS", "127.0.0.1:0"),
            term: quick(1_500, 30_000),
            report: if is_fast {
                "*/2 * * * * *"
            } else {
                "0 3 * * *"
            },
            census: quick(100, 60_000),
            presence: quick(200, 10_000),
        }
    }
}
