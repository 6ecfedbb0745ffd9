use lifecycle::{Context, Intake, Queue, Result, service};

#[service(queue(100, interval = "1s"))]
struct Audit {
    events: Intake<u8>,
}

impl Queue for Audit {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.events
    }

    async fn flush(&self, _: &[u8], _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
