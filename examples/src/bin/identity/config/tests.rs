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
        Config::parse(include_str!("../identity.toml"), "identity.toml".into()).unwrap();
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
    let text = mistake("[log]\nlevel = \"loud\"");
    assert_eq!(
        text,
        "identity.toml, line 2: unknown variant `loud`, expected one of `error`, `warn`, `info`, `debug`, `trace`"
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

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_utf8_is_not_changed_but_refused() {
    use std::os::unix::ffi::OsStringExt;

    let mut config = Config::default();
    for variable in [
        "IDENTITY_DATA",
        "IDENTITY_TOKENIZER",
        "IDENTITY_LISTEN",
        "IDENTITY_OPS",
        "IDENTITY_ROOT_PASSWORD",
    ] {
        let error = config
            .apply(|name| (name == variable).then(|| OsString::from_vec(b"se\xffcret".into())))
            .unwrap_err();
        assert_eq!(error.to_string(), format!("{variable}: not UTF-8"));
    }
}

#[test]
fn nothing_lasts_no_time_and_nothing_is_limited_to_nothing() {
    for setting in [
        "api.grace",
        "api.head_timeout",
        "api.body_timeout",
        "api.idle_timeout",
        "opaque.lifetime",
        "jwt.lifetime",
    ] {
        let text = mistake(&format!("{setting} = '0s'"));
        assert_eq!(text, "identity.toml, line 1: it must be longer than zero");
    }
    for setting in [
        "api.connections",
        "api.requests",
        "login.hashes",
        "spans.max_bytes",
    ] {
        let text = mistake(&format!("{setting} = 0"));
        assert!(
            text.contains("line 1: ") && text.contains("nonzero"),
            "{text}"
        );
    }
    for setting in ["root.name", "root.password"] {
        let text = mistake(&format!("{setting} = ''"));
        assert_eq!(text, "identity.toml, line 1: it must not be empty");
    }
}

#[test]
fn arguments_are_checked() {
    let parse =
        |words: &[&str]| file(words.iter().map(OsString::from)).map_err(|error| error.to_string());
    assert_eq!(parse(&[]), Ok(None));
    assert_eq!(parse(&["--config", "a.toml"]), Ok(Some("a.toml".into())));
    assert!(parse(&["--config"]).unwrap_err().contains("needs a file"));
    assert!(parse(&["--port"]).unwrap_err().contains("`--port`"));
    assert!(parse(&["--config", "a", "b"]).unwrap_err().contains("`b`"));
}
