//! Compressed streams, gzip and zstd: the same bytes or the same refusal however the input is split, and no more than the limits allow; from
//! every place that is noted the rest is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::error::Result;
use ocix_core::layer::decode::{Decoder, OUT};
use ocix_core::layer::{Limits, Marks};
use ocix_core::media::Input;
use ocix_fuzz::{Pieces, wait};

fuzz_target!(|data: &[u8]| {
    let Some(decoder) = Decoder::of(data) else { return };
    let (whole, made) = decode(&mut limited(decoder), Pieces::whole(data));
    let Some(decoder) = Decoder::of(data) else { return };
    let mut decoder = limited(decoder);
    *decoder.marks() = Some(Marks::new(APART, LIMIT));
    let (split, made_split) = decode(&mut decoder, Pieces::split(data));
    assert_eq!(split, whole);
    assert!(whole.is_err() || made == made_split, "split otherwise it is something else");
    assert!(made.len() as u64 <= LIMIT + OUT as u64, "more than the limit");
    let marks = decoder.marks().take().filter(|_| whole.is_ok());
    for mark in marks.iter().flat_map(Marks::iter) {
        let rest = data.get(mark.stream as usize..).expect("a place in the stream");
        let (end, rest) = decode(&mut limited(Decoder::at(mark)), Pieces::whole(rest));
        assert_eq!(end, Ok(()));
        assert!(made.get(mark.content as usize..) == Some(&rest), "from a place on it is something else");
    }
});

fn limited(decoder: Decoder) -> Decoder {
    decoder.within(Limits { decompressed: LIMIT, window: LIMIT, ..Limits::default() })
}

/// How it ended, and what was made until then.
fn decode(decoder: &mut Decoder, mut pieces: Pieces<'_>) -> (Result<()>, Vec<u8>) {
    let (mut held, mut made) = (Vec::new(), Vec::new());
    loop {
        match decoder.push(&held) {
            Err(error) => return (Err(error), made),
            Ok((taken, out)) => {
                assert!(taken <= held.len() && out.len() <= OUT);
                held.drain(..taken);
                made.extend(&out);
                if taken > 0 || !out.is_empty() {
                    continue;
                }
            }
        }
        let more = wait(pieces.read(u32::MAX)).expect("memory");
        if more.is_empty() {
            return (decoder.finish(), made);
        }
        held.extend(more);
    }
}

const LIMIT: u64 = 4 << 20;
/// Bytes of content between two places.
const APART: u64 = 500;
