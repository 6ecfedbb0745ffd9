//! What can be set: a TOML file and `IDENTITY_*` variables over built-in defaults. What can't be used is one line that says
//! where it stands.

use std::{
    env,
    ffi::OsString,
    fs, io,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IntoDeserializer, value},
};
use tracing::level_filters::LevelFilter;

#[cfg(test)]
mod tests;

pub const USAGE: &str = "usage: identity [--config FILE]";

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    pub tokenizer: Kind,
    pub log: Log,
    pub api: Api,
    pub ops: Ops,
    pub login: Login,
    pub root: Root,
    pub spans: Spans,
    pub opaque: Opaque,
    pub jwt: Jwt,
}

/// Which tokenizer the application gets.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Opaque,
    Jwt,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    #[serde(deserialize_with = "level")]
    pub level: LevelFilter,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    pub listen: SocketAddr,
    #[serde(deserialize_with = "positive")]
    pub grace: Duration,
    pub connections: NonZeroUsize,
    pub requests: NonZeroUsize,
    #[serde(deserialize_with = "positive")]
    pub head_timeout: Duration,
    #[serde(deserialize_with = "positive")]
    pub body_timeout: Duration,
    #[serde(deserialize_with = "positive")]
    pub idle_timeout: Duration,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Ops {
    /// Empty: nowhere.
    pub listen: String,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    pub hashes: NonZeroU16,
    pub waiting: u16,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Root {
    #[serde(deserialize_with = "not_empty")]
    pub name: String,
    #[serde(deserialize_with = "not_empty")]
    pub password: String,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Spans {
    pub max_bytes: NonZeroU64,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Opaque {
    #[serde(deserialize_with = "positive")]
    pub lifetime: Duration,
    pub gc: Gc,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Gc {
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    #[serde(deserialize_with = "positive")]
    pub lifetime: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("unexpected argument `{}`; {USAGE}", .0.display())]
    Argument(OsString),
    #[error("--config needs a file; {USAGE}")]
    NoFile,
    #[error("can't read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}, line {line}: {message}", path.display())]
    Malformed {
        path: PathBuf,
        line: usize,
        message: String,
    },
    #[error("{name}: {message}")]
    Variable { name: &'static str, message: String },
}

/// Where it is set. It can be read again. By default only in the environment.
#[derive(Clone, Default)]
pub struct Source {
    file: Option<PathBuf>,
}

impl Source {
    /// The file that the command line names, and the environment.
    pub fn of_process() -> Result<Self, ConfigError> {
        let file = file(env::args_os().skip(1))?;
        Ok(Self { file })
    }

    pub fn read(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.file {
            Some(path) => Config::from_file(path.clone())?,
            None => Config::default(),
        };
        config.apply(|name| env::var_os(name))?;
        Ok(config)
    }
}

impl Config {
    fn from_file(path: PathBuf) -> Result<Self, ConfigError> {
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, path),
            Err(source) => Err(ConfigError::Unreadable { path, source }),
        }
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            ConfigError::Malformed {
                path,
                line: 1 + before.matches('\n').count(),
                message: error.message().replace('\n', "; "),
            }
        })
    }

    /// Lets the environment have the last word on what differs from one machine to the next.
    fn apply(&mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
        set(&mut self.data, "IDENTITY_DATA", &variable)?;
        set(&mut self.tokenizer, "IDENTITY_TOKENIZER", &variable)?;
        set(&mut self.api.listen, "IDENTITY_LISTEN", &variable)?;
        set(&mut self.ops.listen, "IDENTITY_OPS", &variable)?;
        set(&mut self.root.password, "IDENTITY_ROOT_PASSWORD", &variable)?;
        if self.root.password.is_empty() {
            return Err(ConfigError::Variable {
                name: "IDENTITY_ROOT_PASSWORD",
                message: "it must not be empty".into(),
            });
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "identity-data".into(),
            tokenizer: Kind::Opaque,
            log: Log::default(),
            api: Api::default(),
            ops: Ops::default(),
            login: Login::default(),
            root: Root::default(),
            spans: Spans::default(),
            opaque: Opaque::default(),
            jwt: Jwt::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LevelFilter::INFO,
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            grace: Duration::from_secs(5),
            connections: const { NonZeroUsize::new(512).unwrap() },
            requests: const { NonZeroUsize::new(128).unwrap() },
            head_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9900".into(),
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            hashes: const { NonZeroU16::new(2).unwrap() },
            waiting: 32,
        }
    }
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            max_bytes: const { NonZeroU64::new(8 << 20).unwrap() },
        }
    }
}

impl Default for Root {
    fn default() -> Self {
        Self {
            name: "root".into(),
            password: "change me".into(),
        }
    }
}

impl Default for Opaque {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(60 * 60),
            gc: Gc::default(),
        }
    }
}

impl Default for Gc {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
        }
    }
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(15 * 60),
        }
    }
}

/// The file named on the command line, if one is.
fn file(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<PathBuf>, ConfigError> {
    let file = match arguments.next() {
        None => return Ok(None),
        Some(flag) if flag == "--config" => arguments.next().ok_or(ConfigError::NoFile)?,
        Some(other) => return Err(ConfigError::Argument(other)),
    };
    match arguments.next() {
        None => Ok(Some(file.into())),
        Some(extra) => Err(ConfigError::Argument(extra)),
    }
}

fn set<T: DeserializeOwned>(
    setting: &mut T,
    name: &'static str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(), ConfigError> {
    let Some(text) = variable(name) else {
        return Ok(());
    };
    let text = text.into_string().map_err(|_| ConfigError::Variable {
        name,
        message: "not UTF-8".into(),
    })?;
    // The same rules, and the same words for a mistake, as in the file.
    *setting = T::deserialize(text.into_deserializer()).map_err(|error: value::Error| {
        ConfigError::Variable {
            name,
            message: error.to_string(),
        }
    })?;
    Ok(())
}

/// Reads text such as `"1h 30m"`.
fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    humantime::parse_duration(&String::deserialize(input)?).map_err(D::Error::custom)
}

/// A duration in which something can happen.
fn positive<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    match duration(input)? {
        Duration::ZERO => Err(D::Error::custom("it must be longer than zero")),
        duration => Ok(duration),
    }
}

/// From which level on an event is logged.
fn level<'de, D: Deserializer<'de>>(input: D) -> Result<LevelFilter, D::Error> {
    let text = String::deserialize(input)?;
    let level = match text.as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => {
            const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
            return Err(D::Error::unknown_variant(&text, LEVELS));
        }
    };
    Ok(level)
}

fn not_empty<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let text = String::deserialize(input)?;
    if text.is_empty() {
        return Err(D::Error::custom("it must not be empty"));
    }
    Ok(text)
}
