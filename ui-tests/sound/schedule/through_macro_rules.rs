#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

macro_rules! by_expression {
    ($name:ident, $interval:expr) => {
        #[service(scheduled(interval = $interval))]
        struct $name {
            #[allow(dead_code)]
            every: Duration,
        }

        hooks!($name);
    };
}

macro_rules! by_literal {
    ($name:ident, $interval:literal) => {
        #[service(scheduled(interval = $interval))]
        struct $name {
            #[allow(dead_code)]
            every: Duration,
        }

        hooks!($name);
    };
}

macro_rules! by_field {
    ($name:ident, $field:ident) => {
        #[service(scheduled(interval = self.$field))]
        struct $name {
            $field: Duration,
        }

        hooks!($name);
    };
}

// Each run of rustfmt would indent the attribute further.
#[rustfmt::skip]
macro_rules! by_options {
    ($name:ident, $first:ident, $error:expr, $failures:literal, $limit:expr, $retry:literal) => {
        #[service(
            startup(retry = $retry),
            scheduled(
                interval = "every",
                first = $first,
                on_error = $error,
                max_failures = $failures,
                tick_timeout = $limit
            )
        )]
        struct $name {
            every: Duration,
        }

        hooks!($name);
    };
}

macro_rules! by_cron {
    ($name:ident, $cron:literal, $zone:expr) => {
        #[service(scheduled(cron = $cron, tz = $zone))]
        struct $name {
            every: &'static str,
        }

        hooks!($name);
    };
}

macro_rules! by_tokens {
    ($name:ident $(<$parameter:ident: $bound:path>)?, $($arguments:tt)*) => {
        #[service($($arguments)*)]
        struct $name $(<$parameter: $bound>)? {
            every: Duration,
            $(rest: $parameter,)?
        }
    };
}

macro_rules! hooks {
    ($name:ident) => {
        impl Scheduled for $name {
            async fn tick(&self, _: &Context) -> Result {
                Ok(())
            }
        }
    };
}

by_expression!(Expression, self.every);
by_expression!(Product, self.every * 2);
by_expression!(Constant, Duration::from_secs(30));
by_literal!(Fixed, "30s");
by_literal!(Path, "every");
by_field!(Field, every);
by_options!(Options, immediate, continue, 3, self.every, "1s..2s");
by_cron!(Nightly, "0 3 * * *", "Europe/Berlin");
by_cron!(Told, "every", self.every.trim());
by_tokens!(Tokens, scheduled(interval = self.every));
by_tokens!(Generic<T: Clone>, scheduled(interval = "every"));

hooks!(Tokens);

impl<T: Clone + Send + Sync> Scheduled for Generic<T> {
    async fn tick(&self, _: &Context) -> Result {
        let _ = self.rest.clone();
        Ok(())
    }
}
