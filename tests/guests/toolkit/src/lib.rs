//! A component of the world `toolkit` whose chunks say what it does wrong: a chunk begins with the name of a fault and `/` or a zero, as the
//! first entry of a tar does. Any other is stored as it is, by RFC 1951.

mod bindings;
#[path = "../../faults.rs"]
mod faults;

use std::cell::{Cell, RefCell};

use bindings::exports::ocix::image::codec::{Guest, GuestHasher};
use bindings::exports::ocix::image::findings::{self, Code};
use bindings::exports::ocix::image::options::{self, OptionDoc};
use bindings::ocix::image::types::{Chunk, Error, HashAlgorithm, Packed};

/// What the world's exports are implemented on.
struct Misbehaving;

impl Guest for Misbehaving {
    type Hasher = Hasher;

    fn compress(chunk: Chunk) -> Result<Packed, Error> {
        let end = chunk.bytes.iter().position(|byte| matches!(byte, 0 | b'/')).unwrap_or_default();
        let fault = String::from_utf8_lossy(chunk.bytes.get(..end).unwrap_or_default());
        faults::commit(&fault);
        let bytes = match &*fault {
            "count" => vec![CALLS.replace(CALLS.get() + 1)],
            "lie" => nowhere(),
            _ => store(&chunk.bytes, chunk.last),
        };
        let parts = if fault == "parts" { vec![1, 2, 3] } else { Vec::new() };
        Ok(Packed { bytes, parts, crc32: 0 })
    }
}

impl options::Guest for Misbehaving {
    fn describe() -> Vec<OptionDoc> {
        Vec::new()
    }

    fn markdown() -> String {
        String::new()
    }

    fn check(_: String) -> Result<(), Error> {
        Ok(())
    }
}

impl findings::Guest for Misbehaving {
    fn codes() -> Vec<Code> {
        Vec::new()
    }
}

/// Gives the first byte that it was ever given, as often as a hash of SHA-256 has bytes; or does what a chunk would.
struct Hasher(RefCell<Vec<u8>>);

impl GuestHasher for Hasher {
    fn new(_: HashAlgorithm) -> Self {
        Self(RefCell::default())
    }

    fn update(&self, bytes: Vec<u8>) {
        faults::commit(&String::from_utf8_lossy(&bytes));
        self.0.borrow_mut().extend(bytes);
    }

    fn sum(&self) -> Vec<u8> {
        vec![self.0.borrow().first().copied().unwrap_or_default(); 32]
    }
}

/// Blocks that are not compressed.
fn store(bytes: &[u8], last: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in bytes.chunks(0xffff) {
        let length = piece.len() as u16;
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(piece);
    }
    if last {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    out
}

/// Bytes that are not in any memory.
#[expect(unsafe_code, reason = "a component may say what it likes")]
fn nowhere() -> Vec<u8> {
    unsafe { Vec::from_raw_parts(0xffff_0000_usize as *mut u8, 1 << 30, 1 << 30) }
}

thread_local! {
    /// Calls that this instance counted.
    static CALLS: Cell<u8> = const { Cell::new(0) };
}
