//! The name of an argument that belongs in `registry!` goes in; a sentence and a help that say so
//! come out.

use crate::words::{ON_FAILURE, REGISTRY_SETTINGS, RESTART, SERVICE_SETTINGS};

pub(super) fn find_in_registry(name: &str) -> Option<(String, String)> {
    if name == RESTART {
        let sentence = format!("`{name}` is a policy in `registry!`");
        let help = format!("remove it here, and write `{ON_FAILURE} = ..` there");
        return Some((sentence, help));
    }
    if SERVICE_SETTINGS.contains(&name) || REGISTRY_SETTINGS.contains(&name) {
        let sentence = format!("`{name}` is a setting in `registry!`");
        return Some((
            sentence,
            format!("remove it here, and write `{name} = ..` there"),
        ));
    }
    (name == "name").then(|| {
        let sentence = "a service is named in `registry!`".to_owned();
        (
            sentence,
            "remove it here, and write `\"name\" => ..` there".to_owned(),
        )
    })
}
