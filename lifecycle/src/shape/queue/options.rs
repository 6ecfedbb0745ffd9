//! The options of a queue that are one of a few words.

/// What becomes of a batch whose attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptsUsedUp {
    /// The service fails, and its drain tries the batch again.
    Fail,
    /// The batch is dropped, counted as lost and logged, and the service goes on.
    Drop,
}

/// What becomes of an item that is sent to a full intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Its sender waits for room.
    Wait,
    /// The oldest item that waits is dropped and counted, to make room for it.
    DropOldest,
}
