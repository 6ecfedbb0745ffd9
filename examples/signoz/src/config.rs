//! Settings: a TOML file over the defaults of `signoz.toml`.

use std::{ffi::OsString, fs, io, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use toml::{Table, Value};

/// Every setting with its default.
const DEFAULTS: &str = include_str!("../signoz.toml");

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    pub log: bool,
    pub ops: Listen,
    pub api: Listen,
    pub opamp: Listen,
    pub pprof: Listen,
    pub cloud: Cloud,
    pub migrator: Migrator,
    pub root: Root,
    pub authz: Authz,
    pub tokenizer: Tokenizer,
    pub licensing: Licensing,
    pub analytics: Analytics,
    pub stats: Stats,
    pub audit: Audit,
    pub meters: Meters,
    pub alertmanager: Alertmanager,
    pub usage: Usage,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    pub listen: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    pub address: String,
    pub listen: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migrator {
    #[serde(deserialize_with = "duration")]
    pub lock_wait: Duration,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    pub name: String,
    pub key: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authz {
    pub model: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Opaque,
    Jwt,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizer {
    pub kind: Kind,
    #[serde(deserialize_with = "duration")]
    pub lifetime: Duration,
    #[serde(deserialize_with = "duration")]
    pub gc_interval: Duration,
    pub secret: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licensing {
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    pub threshold: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analytics {
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    pub size: usize,
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    pub capacity: usize,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meters {
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    #[serde(deserialize_with = "duration")]
    pub jitter: Duration,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    #[serde(deserialize_with = "duration")]
    pub poll: Duration,
    #[serde(deserialize_with = "duration")]
    pub maintenance: Duration,
    pub capacity: usize,
    pub batch: usize,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    pub cron: String,
    pub tz: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("can't read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Malformed(#[from] toml::de::Error),
}

impl Config {
    /// The defaults, and what this file says instead.
    pub fn load(path: Option<OsString>) -> Result<Self, ConfigError> {
        let Some(path) = path.map(PathBuf::from) else {
            return Self::parse("");
        };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }

    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut settings: Table = DEFAULTS.parse()?;
        lay_over(&mut settings, text.parse()?);
        Ok(settings.try_into()?)
    }
}

fn lay_over(settings: &mut Table, changes: Table) {
    for (key, change) in changes {
        match (settings.get_mut(&key), change) {
            (Some(Value::Table(settings)), Value::Table(changes)) => lay_over(settings, changes),
            (_, change) => drop(settings.insert(key, change)),
        }
    }
}

/// Reads text such as `"1h 30m"`.
fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    humantime::parse_duration(&String::deserialize(input)?).map_err(D::Error::custom)
}
