//! x
use crate::error::Result;
use crate::media::Media;
use super::super::image::Image;
/// x
pub async fn write<M: Media>(_: &M, _: &Image<'_, '_, M>) -> Result<()> {
    Err(super::bug("x"))
}
