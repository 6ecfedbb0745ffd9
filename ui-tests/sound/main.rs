//! What is sound: each file compiles without a warning, and its `main` runs. Each stands for a crate of a user; they are modules
//! of one program, so that they are built at once.

// Only what rustc says of them is of interest.
#![allow(clippy::all, clippy::pedantic, dead_code)]

/// For `hygiene::renamed_crate`.
pub extern crate lifecycle as renamed;

mod hooks {
    pub mod every_hook;
    pub mod for_one_lifetime;
    pub mod generic_without_bounds;
    pub mod returning_a_future;
}
mod hygiene {
    pub mod local_names;
    pub mod no_prelude;
    pub mod other_attributes;
    pub mod raw_identifiers;
    pub mod renamed_crate;
    pub mod shadowed_names;
}
mod placement {
    pub mod anywhere;
}
mod queue {
    pub mod every_option;
}
mod registry_names {
    pub mod longest_and_shortest;
}
mod schedule {
    pub mod as_the_helps_say;
    pub mod every_cron;
    pub mod every_interval;
    pub mod every_option;
    pub mod through_macro_rules;
}
mod settings {
    pub mod delay_and_deadline;
    pub mod every_setting;
    pub mod through_macro_rules;
}
mod shape {
    pub mod every_shape;
    pub mod every_struct;
    pub mod struct_unchanged;
}
mod startup {
    pub mod every_shape;
}

fn main() {
    hooks::for_one_lifetime::main();
    hooks::generic_without_bounds::main();
    hooks::returning_a_future::main();
    hygiene::local_names::main();
    hygiene::no_prelude::main();
    hygiene::other_attributes::main();
    hygiene::raw_identifiers::main();
    hygiene::renamed_crate::main();
    hygiene::shadowed_names::main();
    placement::anywhere::main();
    queue::every_option::main();
    registry_names::longest_and_shortest::main();
    schedule::as_the_helps_say::main();
    schedule::every_cron::main();
    settings::delay_and_deadline::main();
    settings::every_setting::main();
    settings::through_macro_rules::main();
    shape::every_shape::main();
    shape::every_struct::main();
    shape::struct_unchanged::main();
    startup::every_shape::main();
}
