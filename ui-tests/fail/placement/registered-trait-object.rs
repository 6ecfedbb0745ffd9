use std::sync::Arc;

use lifecycle::{Registry, registry};

trait Tokenizer: Send + Sync {}

fn assemble(tokenizer: Arc<dyn Tokenizer>) -> Registry {
    registry! { "tokenizer" => tokenizer }
}

fn main() {}
