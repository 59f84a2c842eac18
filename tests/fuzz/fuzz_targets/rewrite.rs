//! Times cut off at an epoch: what comes out is a tar with the same entries, none of them later, and cutting again changes nothing.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use ocix_core::layer::entries::Entries;
use ocix_core::layer::{Archive, Rewritten};
use ocix_fuzz::{Pieces, all, mutate_tar, wait};

fuzz_target!(|data: &[u8]| {
    let archive = wait(Archive::open(Pieces::whole(data))).expect("reading a start cannot fail");
    let Ok(Some(rewritten)) = all(&mut Rewritten::new(archive, EPOCH), MOST) else { return };
    let again = all(&mut Rewritten::new(Pieces::split(&rewritten), EPOCH), MOST);
    assert!(again == Ok(Some(rewritten.clone())), "cut twice it is something else");
    let mut archive = wait(Archive::open(Pieces::split(&rewritten))).expect("reading a start cannot fail");
    assert!(all(&mut archive, MOST).is_ok(), "what was written is refused");
    let mut entries = Entries::new(Pieces::whole(&rewritten));
    while let Some(header) = wait(entries.next()).expect("what was written can be read") {
        for time in [header.modified, header.accessed, header.changed].into_iter().flatten() {
            assert!((time.seconds, time.nanoseconds) <= (EPOCH, 0), "{time:?} is later");
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_tar(data, size, max_size, seed) });

const EPOCH: i64 = 1_000_000_000;
const MOST: usize = 4 << 20;
