use lifecycle::{Context, Intake, Queue, Result, service};

#[service(queue(size = 100, interval = "1s"))]
struct Audit {
    events: Intake<String>,
}

impl Queue for Audit {
    fn intake(&self) -> &Intake<String> {
        &self.events
    }

    async fn flush(&self, _: &[String], _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
