/** The API's types by shorter names; `make js` writes `api.d.ts` from `/openapi.json`. */

import type { components } from './api';

type Schemas = components['schemas'];

declare global {
  namespace Api {
    type Answer = Schemas['AnswerView'];
    type ApiKey = Schemas['ApiKeyView'];
    type ApiKeyList = Schemas['ApiKeyList'];
    type Appointment = Schemas['AppointmentView'];
    type AppointmentList = Schemas['AppointmentList'];
    type Automation = Schemas['AutomationView'];
    type AutomationList = Schemas['AutomationList'];
    type Campaign = Schemas['CampaignView'];
    type CampaignList = Schemas['CampaignList'];
    type Chat = Schemas['ChatView'];
    type ChatList = Schemas['ChatList'];
    type Checks = Schemas['HealthChecks'];
    type Command = Schemas['Command'];
    type Connection = Schemas['ConnectionView'];
    type ConnectionList = Schemas['ConnectionList'];
    type Consent = Schemas['ConsentView'];
    type ConversationPage = Schemas['ConversationPage'];
    type CreatedApiKey = Schemas['CreatedApiKey'];
    type CreatedWebhook = Schemas['CreatedWebhook'];
    type Customer = Schemas['CustomerView'];
    type CustomerList = Schemas['CustomerList'];
    type CustomersEvent = Schemas['EventView'];
    type CustomersEventList = Schemas['EventList'];
    type Delivery = Schemas['DeliveryView'];
    type DeliveryList = Schemas['DeliveryList'];
    /** A message, sent or received. */
    type Entry = Message | Received;
    type Group = Schemas['GroupView'];
    type GroupList = Schemas['GroupList'];
    type Health = Schemas['Health'];
    type History = Schemas['HistoryView'];
    type ImportReport = Schemas['ImportReport'];
    type IntakeFailure = Schemas['IntakeFailureView'];
    type LinkCode = Schemas['LinkCode'];
    type LinkPairing = Schemas['LinkPairing'];
    type LinkState = Schemas['LinkState'];
    type LogRecord = Schemas['LogRecordView'];
    type Media = Schemas['ReceivedMediaView'];
    type Message = Schemas['MessageView'];
    /** A page of messages that were sent. */
    type MessageList = { items: Message[]; cursor?: string | null };
    type MessageOfPlan = Schemas['MessageOfPlan'];
    type MessageStatus = Schemas['MessageStatus'];
    type NewSecret = Schemas['NewSecret'];
    type Pacing = Schemas['Pacing'];
    type Planned = Schemas['PlannedView'];
    /** What was refused; of a template, also which variable in the text of which language. */
    type Problem = Schemas['Problem'] & { variable?: string; language?: string };
    type Received = Schemas['ReceivedView'];
    type Redriven = Schemas['Redriven'];
    type Registration = Schemas['RegistrationView'];
    type RegistrationList = Schemas['RegistrationList'];
    type Sample = Schemas['SampleView'];
    type State = Schemas['ConnectionState'];
    type Stats = Schemas['StatsView'];
    type SubscribedList = Schemas['ListView'];
    type Subscriber = Schemas['SubscriberView'];
    type SubscriberList = Schemas['SubscriberList'];
    type Template = Schemas['TemplateView'];
    type TemplateList = Schemas['TemplateList'];
    type Try = Schemas['TryView'];
    type UserList = Schemas['UserList'];
    type Waiting = Schemas['Waiting'];
    type Webhook = Schemas['WebhookView'];
    type WebhookList = Schemas['WebhookList'];
    type WebhookTest = Schemas['TestResult'];
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
