//! Settings: a TOML file and `IDENTITY_*` variables over built-in defaults. What can't be used is one line that says
//! where it stands.

use std::{env, ffi::OsString, fs, io, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IntoDeserializer, value},
};

pub const USAGE: &str = "usage: identity [--config FILE]";

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    pub tokenizer: Kind,
    pub api: Api,
    pub root: Root,
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
pub struct Api {
    pub listen: SocketAddr,
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Root {
    pub name: String,
    pub password: String,
}

#[derive(Clone, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Opaque {
    #[serde(deserialize_with = "duration")]
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
    #[serde(deserialize_with = "duration")]
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

impl Config {
    /// What the command line and the environment ask for.
    pub fn from_process() -> Result<Self, ConfigError> {
        let mut config = match file(env::args_os().skip(1))? {
            Some(path) => Self::from_file(path)?,
            None => Self::default(),
        };
        config.apply(|name| env::var_os(name))?;
        Ok(config)
    }

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
        set(&mut self.root.password, "IDENTITY_ROOT_PASSWORD", &variable)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "identity-data".into(),
            tokenizer: Kind::Opaque,
            api: Api::default(),
            root: Root::default(),
            opaque: Opaque::default(),
            jwt: Jwt::default(),
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8080).into(),
            grace: Duration::from_secs(5),
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
    let text = text.to_string_lossy();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        match Config::parse(text, "identity.toml".into()) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_documented_settings_are_the_defaults() {
        let documented =
            Config::parse(include_str!("identity.toml"), "identity.toml".into()).unwrap();
        assert!(documented == Config::default());
        assert!(Config::parse("", "empty.toml".into()).unwrap() == Config::default());
    }

    #[test]
    fn a_mistake_is_one_line_with_its_place() {
        let text = mistake("[opaque.gc]\nintervall = \"30s\"");
        assert_eq!(
            text,
            "identity.toml, line 2: unknown field `intervall`, expected `interval`"
        );
        let text = mistake("\n\ntokenizer = \"paseto\"");
        assert_eq!(
            text,
            "identity.toml, line 3: unknown variant `paseto`, expected `opaque` or `jwt`"
        );
        assert!(mistake("[jwt]\nlifetime = \"soon\"").starts_with("identity.toml, line 2: "));
        assert!(!mistake("[api\nlisten").contains('\n'));
    }

    #[test]
    fn the_environment_has_the_last_word() {
        let mut config = Config::parse("tokenizer = \"jwt\"", "identity.toml".into()).unwrap();
        config
            .apply(|name| (name == "IDENTITY_LISTEN").then(|| "127.0.0.1:1".into()))
            .unwrap();
        assert!(config.api.listen.port() == 1 && config.tokenizer == Kind::Jwt);

        let error = config
            .apply(|name| (name == "IDENTITY_LISTEN").then(|| "nowhere".into()))
            .unwrap_err();
        assert!(
            error.to_string().starts_with("IDENTITY_LISTEN: "),
            "{error}"
        );
    }

    #[test]
    fn arguments_are_checked() {
        let parse = |words: &[&str]| {
            file(words.iter().map(OsString::from)).map_err(|error| error.to_string())
        };
        assert_eq!(parse(&[]), Ok(None));
        assert_eq!(parse(&["--config", "a.toml"]), Ok(Some("a.toml".into())));
        assert!(parse(&["--config"]).unwrap_err().contains("needs a file"));
        assert!(parse(&["--port"]).unwrap_err().contains("`--port`"));
        assert!(parse(&["--config", "a", "b"]).unwrap_err().contains("`b`"));
    }
}
