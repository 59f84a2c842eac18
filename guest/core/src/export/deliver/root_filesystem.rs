//! x
use super::super::image::Image;
use crate::error::Result;
use crate::media::Media;
/// x
pub async fn write<M: Media>(_: &M, _: &Image<'_, '_, M>) -> Result<()> {
    Err(super::bug("x"))
}
