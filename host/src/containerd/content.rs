//! containerd's content: what its blobs are labelled with.

use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::{AbortRequest, Info, InfoRequest, UpdateRequest};
use containerd_client::tonic::Code;
use prost_types::FieldMask;

use super::refused::refused;
use super::session::Session;
use crate::error::Error;

impl Session {
    /// What a blob is labelled with; `None` when it is not there.
    ///
    /// # Errors
    /// containerd's.
    pub async fn labels(&self, digest: String) -> Result<Option<Vec<(String, String)>>, Error> {
        let request = self.request(InfoRequest { digest: digest.clone() });
        match ContentClient::new(self.channel()).info(request).await {
            Ok(answer) => Ok(Some(answer.into_inner().info.unwrap_or_default().labels.into_iter().collect())),
            Err(why) if why.code() == Code::NotFound => Ok(None),
            Err(why) => Err(refused(&format!("look at the blob {digest}"), &why)),
        }
    }

    /// Labels a blob that is there, besides the labels that it has.
    ///
    /// # Errors
    /// containerd's.
    pub async fn label(&self, digest: String, labels: Vec<(String, String)>) -> Result<(), Error> {
        if labels.is_empty() {
            return Ok(());
        }
        let paths = labels.iter().map(|(key, _)| format!("labels.{key}")).collect();
        let info = Info { digest: digest.clone(), labels: labels.into_iter().collect(), ..Info::default() };
        let message = UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) };
        let request = self.leased(message).await?;
        let updated = ContentClient::new(self.channel()).update(request).await;
        updated.map(drop).map_err(|why| refused(&format!("label the blob {digest}"), &why))
    }

    /// Takes away an ingest that is not committed. What cannot be taken away goes when the lease does.
    pub async fn abort(&self, reference: String) {
        let request = self.request(AbortRequest { r#ref: reference });
        let _ = ContentClient::new(self.channel()).abort(request).await;
    }
}
