//! What the messages about a value in quotes say to write compiles: each value here is out of a
//! `help:` that the tests of the macros compare.
#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Context, Intake, Queue, Result, Scheduled, Service, service};

const EVERY: Duration = Duration::from_secs(5);
const PERIOD: Duration = EVERY;
const LIMIT: Duration = EVERY;
const NIGHTLY: &str = "0 3 * * *";
const SIZE: usize = 100;

fn period(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn max(one: Duration, other: Duration) -> Duration {
    one.max(other)
}

struct Config {
    every: Duration,
    r#type: Duration,
}

impl Config {
    fn every(&self) -> Duration {
        self.every
    }

    fn size(&self) -> usize {
        1
    }
}

macro_rules! services {
    ($($name:ident($($argument:tt)*);)*) => {$(
        #[service(scheduled($($argument)*))]
        struct $name {
            cfg: Config,
            every: Duration,
        }

        impl $name {
            #[allow(dead_code)]
            const EVERY: Duration = EVERY;

            #[allow(dead_code)]
            fn every(&self) -> Duration {
                self.every + self.cfg.every + self.cfg.r#type
            }

            #[allow(dead_code)]
            fn period(&self, secs: u64) -> Duration {
                self.cfg.every() + self.every() + period(secs)
            }
        }

        impl Scheduled for $name {
            async fn tick(&self, _: &Context) -> Result {
                Ok(())
            }
        }
    )*

    fn all() -> Vec<Box<dyn Service>> {
        let cfg = || Config { every: EVERY, r#type: EVERY };
        vec![$(Box::new($name { cfg: cfg(), every: EVERY })),*]
    }};
}

services! {
    Method(interval = self.every());
    Argument(interval = self.period(2));
    Function(interval = period(2));
    OfField(interval = self.cfg.every());
    Mixed(interval = max(self.every, LIMIT));
    Sum(interval = self.cfg.every * 2);
    Associated(interval = Self::EVERY);
    Constant(interval = PERIOD);
    OfConstant(interval = EVERY, jitter = "every");
    Keyword(interval = "cfg.r#type");
    Iso(interval = "1h 30m");
    Iso2(interval = "5s");
    Go(interval = "5m 30s");
    Micro(interval = "7µs");
    Nickname(interval = "1h", tick_timeout = "1d");
    Cron(cron = "*/5 * * * *");
    Nightly(cron = NIGHTLY);
    Zoned(cron = "0 3 * * *", tz = "Europe/Berlin");
    Offset(cron = "0 3 * * *", tz = "Etc/GMT-2");
    Quartz(cron = "0 0 3 * * MON-FRI");
    Hourly(cron = "0 * * * *");
}

#[service(scheduled(interval = self.0))]
struct Tuple(Duration);

impl Scheduled for Tuple {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

macro_rules! queues {
    ($($name:ident($size:expr);)*) => {$(
        #[service(queue(interval = "1s", size = $size))]
        struct $name {
            cfg: Config,
            intake: Intake<u8>,
        }

        impl Queue for $name {
            type Item = u8;

            fn intake(&self) -> &Intake<u8> {
                let _ = self.cfg.size();
                &self.intake
            }

            async fn flush(&self, _: &[u8], _: &Context) -> Result {
                Ok(())
            }
        }

        const _: fn($name) -> Box<dyn Service> = |queue| Box::new(queue);
    )*};
}

queues! {
    Underscore(1_000);
    Sized(SIZE);
}

pub fn main() {
    assert_eq!(all().len(), 21);
    let _ = Tuple(EVERY);
    let _ = |cfg: Config| {
        let intake = || Intake::bounded(1);
        let config = || Config {
            every: cfg.every,
            r#type: cfg.r#type,
        };
        (
            Underscore {
                cfg: config(),
                intake: intake(),
            },
            Sized {
                cfg: config(),
                intake: intake(),
            },
        )
    };
}
