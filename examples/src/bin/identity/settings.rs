//! `config`: what is set, for those that follow a change. A reload (SIGHUP, `systemctl reload`, `POST /reload` at ops) reads
//! the file again. One that can't be used changes nothing: the last good values stay.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lifecycle::{Context, Idle, Result, service};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::{
    config::{Config, Source},
    log::Level,
};

#[service(idle)]
pub struct Settings {
    source: Source,
    level: Level,
    current: Mutex<Config>,
}

impl Settings {
    /// Puts the level of the log into effect.
    pub fn new(source: Source, config: Config, level: Level) -> Self {
        level.set(config.log.level);
        Self {
            source,
            level,
            current: Mutex::new(config),
        }
    }

    /// How often expired tokens are deleted.
    pub fn gc_interval(&self) -> Duration {
        self.current().opaque.gc.interval
    }

    fn follow(&self, new: &Config) {
        let (level, interval) = (new.log.level, new.opaque.gc.interval);
        let old = std::mem::replace(&mut *self.current(), new.clone());
        self.level.set(level);
        info!(log.level = %level, opaque.gc.interval = ?interval, "settings read again");
        let mut followed = old;
        followed.log.level = level;
        followed.opaque.gc.interval = interval;
        if followed != *new {
            warn!("other settings have changed too: they take effect at the next start");
        }
    }

    fn current(&self) -> MutexGuard<'_, Config> {
        // No code that can panic runs under the lock.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle for Settings {
    async fn reload(&self, _: &Context) -> Result {
        let source = self.source.clone();
        let new = spawn_blocking(move || source.read()).await??;
        self.follow(&new);
        Ok(())
    }
}
