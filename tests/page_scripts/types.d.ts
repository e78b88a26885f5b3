/** The API's types by shorter names; `make js` writes `api.d.ts` from `/openapi.json`. */

import type { components } from './api';

type Schemas = components['schemas'];

declare global {
  namespace Api {
    type ApiKey = Schemas['ApiKeyView'];
    type ApiKeyList = Schemas['ApiKeyList'];
    type Checks = Schemas['HealthChecks'];
    type Command = Schemas['Command'];
    type Connection = Schemas['ConnectionView'];
    type ConnectionList = Schemas['ConnectionList'];
    type CreatedApiKey = Schemas['CreatedApiKey'];
    type Health = Schemas['Health'];
    type History = Schemas['HistoryView'];
    type IntakeFailure = Schemas['IntakeFailureView'];
    type LinkCode = Schemas['LinkCode'];
    type LinkPairing = Schemas['LinkPairing'];
    type LinkState = Schemas['LinkState'];
    type LogRecord = Schemas['LogRecordView'];
    type Message = Schemas['MessageView'];
    type MessageList = Schemas['MessageList'];
    type MessageStatus = Schemas['MessageStatus'];
    type Pacing = Schemas['Pacing'];
    type Problem = Schemas['Problem'];
    type Sample = Schemas['SampleView'];
    type State = Schemas['ConnectionState'];
    type UserList = Schemas['UserList'];
    type Waiting = Schemas['Waiting'];
    type Worker = Schemas['WorkerView'];

    /** The data of `connection.deleted`. */
    type DeletedEvent = Pick<Connection, 'owner' | 'connectionId'>;
    /** The data of `connection.state`: what a connection shows of itself. */
    type StateEvent = DeletedEvent &
      Pick<Connection, 'state' | 'reason' | 'since' | 'until' | 'phoneNumber' | 'actsNext' | 'allowedCommands'>;
    /** The data of `message.status`. */
    type StatusEvent = DeletedEvent &
      Pick<Message, 'messageId' | 'to' | 'chatId' | 'status' | 'reason'> & { at: string };
  }
}
