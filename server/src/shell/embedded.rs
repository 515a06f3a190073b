//! Statements on a warehouse of this process.

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use mica_sql::{Origin, SessionContext};

use super::backend::{Answer, Backend};
use crate::args::SqlArgs;
use crate::commands::AnyError;
use crate::config;
use crate::error::Error;
use crate::warehouse::{Ready, Warehouse};

pub(super) struct Embedded {
    warehouse: Warehouse,
    session: SessionContext,
    origin: Origin,
    place: String,
}

impl Embedded {
    pub(super) fn open(args: &SqlArgs) -> Result<Self, AnyError> {
        let config = config::warehouse(&args.warehouse, &args.limits)?;
        let place = config.catalog.display().to_string();
        let user = std::env::var("USER").unwrap_or_else(|_| "operator".to_owned());
        let folder = std::env::current_dir()?.to_string_lossy().into_owned();
        Ok(Self {
            warehouse: Warehouse::open(config)?,
            session: SessionContext {
                user,
                ..SessionContext::default()
            },
            // The shell is the operator's own: it may name any location.
            origin: Origin::Operator { folder },
            place,
        })
    }
}

#[async_trait]
impl Backend for Embedded {
    async fn run(&mut self, statement: &str) -> Result<Answer, AnyError> {
        let ready = self
            .warehouse
            .prepare(statement, &self.session, None, None)
            .await?;
        match ready.ready {
            Ready::Query(kept) => {
                let stream = self.warehouse.run(kept, statement, &self.session, &[]);
                Ok(Answer::Rows {
                    columns: std::sync::Arc::clone(stream.schema()),
                    batches: stream.map_err(AnyError::from).boxed(),
                })
            }
            Ready::Command(parsed) => {
                let (session, origin) = (self.session.clone(), self.origin.clone());
                let effect = self.warehouse.execute(parsed, session, origin).await?;
                if let Some(session) = effect.session {
                    self.session = session;
                }
                Ok(Answer::Message(effect.message))
            }
            Ready::Kill(id) => Err(Error::NoSuchQuery { id }.into()),
        }
    }

    fn describe(&self) -> String {
        format!("warehouse {}", self.place)
    }
}
