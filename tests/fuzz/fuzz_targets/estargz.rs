//! eStargz. Any bytes may be a blob: what stands before the table is found, or there is none. A tar made into such a layer is recognised,
//! and comes back.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use ocix_core::layer::{Archive, Codec, FileInput, payload, write};
use ocix_core::media::{Directory as _, Writer as _};
use ocix_core::memory::{Directory, File, Memory};
use ocix_fuzz::{Pieces, all, mutate_tar, wait};

fuzz_target!(|data: &[u8]| {
    before_table(&File::from(data.to_vec()));
    let open = || wait(Archive::open(Pieces::whole(data))).expect("reading a start cannot fail");
    let Ok(Some(tar)) = all(&mut open(), MOST) else { return };
    let mut writer = wait(Directory::default().create()).expect("memory");
    let codec = Codec::Estargz { level: 1 };
    if wait(write(&Memory::default(), &mut open(), codec, "tar", &mut writer, None)).is_err() {
        return;
    }
    let blob = wait(writer.reader()).expect("memory");
    let payload = before_table(&blob).expect("what was written is recognised");
    let ours = tar.windows(18).any(|name| name.starts_with(b"stargz.index.json") || name.ends_with(b".landmark"));
    assert!(ours || payload == tar, "the tar does not come back");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_tar(data, size, max_size, seed) });

/// The tar before the table.
fn before_table(blob: &File) -> Option<Vec<u8>> {
    let end = wait(payload(blob)).expect("memory")?;
    assert!(end < blob.as_ref().len() as u64);
    let mut archive = wait(Archive::open_payload(FileInput::until(blob.clone(), end))).expect("memory");
    all(&mut archive, MOST).ok().flatten()
}

const MOST: usize = 4 << 20;
