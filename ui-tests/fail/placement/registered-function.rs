use lifecycle::{Context, Result, registry};

async fn serve(_: &Context) -> Result {
    Ok(())
}

fn main() {
    registry! { "api" => serve };
}
