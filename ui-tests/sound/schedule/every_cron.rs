//! Cron expressions and zones in each form, of each type that holds text.

use std::borrow::Cow;
use std::sync::Arc;

use lifecycle::{Context, Result, Scheduled, registry, service};

macro_rules! nightly {
    ($($name:ident)*) => {$(
        impl Scheduled for $name {
            async fn tick(&self, _: &Context) -> Result {
                Ok(())
            }
        }
    )*};
}

struct Config {
    cron: String,
    tz: Arc<str>,
}

impl Config {
    fn cron(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.cron)
    }
}

const EVENING: &str = "0 18 * * *";

#[service(scheduled(cron = "0 3 * * *"))]
struct Literal;

#[service(scheduled(cron = "0 3 * * *", tz = "local"))]
struct Local;

#[service(scheduled(cron = "0 3 * * *", tz = "+02:00"))]
struct East;

/// A field is meant before the zone of the machine.
#[service(scheduled(cron = "0 3 * * *", tz = "local"))]
struct Named {
    local: String,
}

#[service(scheduled(
    cron = "*/10 0 3 L,15W JAN-MAR/2 FRI#2,SUNL",
    tz = "America/Argentina/Buenos_Aires"
))]
struct Everything;

#[service(scheduled(cron = "cfg.cron", tz = "cfg.tz", first = immediate, missed = burst))]
struct Paths {
    cfg: Config,
}

#[service(scheduled(cron = "cron", tz = "r#type", jitter = "5m", on_error = fail))]
struct Borrowed<'a> {
    cron: &'a str,
    r#type: Cow<'a, str>,
}

#[service(scheduled(cron = self.0, tz = self.1, initial_delay = "10s", tick_timeout = "1m"))]
struct Fields(String, Box<str>);

#[service(scheduled(cron = self.0.cron(), tz = { "Europe/Berlin" }))]
struct Methods(Config);

#[service(scheduled(cron = EVENING, missed = skip))]
struct Const;

#[service(scheduled(cron = format!("{} {} * * *", self.minute, self.hour)))]
struct Formatted {
    minute: u8,
    hour: u8,
}

nightly!(Literal Local East Named Everything Paths Fields Methods Const Formatted);

impl Scheduled for Borrowed<'_> {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

pub fn main() {
    let cfg = || Config {
        cron: "0 3 * * *".to_owned(),
        tz: "UTC".into(),
    };
    let _ = registry! {
        "literal" => Literal,
        "local" => Local,
        "east" => East,
        "named" => Named { local: "UTC".to_owned() },
        "everything" => Everything,
        "paths" => Paths { cfg: cfg() },
        "borrowed" => Borrowed { cron: "0 3 * * *", r#type: "UTC".into() },
        "fields" => Fields("0 3 * * *".to_owned(), "UTC".into()),
        "methods" => Methods(cfg()),
        "const" => Const,
        "formatted" => Formatted { minute: 0, hour: 3 },
    };
}
