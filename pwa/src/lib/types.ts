/** What the server tells, under the names that pages use; the shapes are written anew from its OpenAPI document at every check. */
import type { components, paths } from './schema';

type Shapes = components['schemas'];
type Gettable = { [Path in keyof paths]: paths[Path] extends { get: { responses: { 200: { content: { 'application/json': unknown } } } } } ? Path : never }[keyof paths];
/** The answer of a path, so that a route with another shape is noticed where it is shown. */
export type Answer<Path extends Gettable> = paths[Path]['get']['responses'][200]['content']['application/json'];

export type State = Shapes['StateView'];
export type Request = Shapes['RequestView'];
export type Session = Shapes['SessionView'];
export type Month = Shapes['MonthView'];
export type Badge = Shapes['Badge'];
export type Offer = Shapes['Offer'];
export type FormPage = Shapes['FormPage'];
export type TokenRow = Shapes['TokenRow'];
export type TokenMade = Shapes['TokenMade'];
export type Payment = Shapes['Payment'];
export type MonthRun = Shapes['MonthRun'];
export type BankStatement = Shapes['BankStatement'];
export type Guest = Shapes['GuestView'];
export type Cards = Answer<'/api/cards'>;
export type Me = Answer<'/api/me'>;
export type Place = Answer<'/api/c/{code}'>;
export type Places = Answer<'/api/stations'>;
export type Home = Answer<'/api/home'>;
export type Usage = Answer<'/api/usage'>;
export type SessionDetail = Answer<'/api/sessions/{session_id}'>;
export type ChargeShare = Answer<'/api/sessions/{session_id}/share'>;
export type SignedValues = Answer<'/api/sessions/{session_id}/signed'>;
export type SessionPage = Answer<'/api/sessions'>;
export type Bills = Answer<'/api/bills'>;
export type BillDetail = Answer<'/api/bills/{bill_id}'>;
export type Badges = Answer<'/api/badges'>;
export type OwnerRevenue = Answer<'/api/owner/revenue'>;
export type Payouts = Answer<'/api/owner/payouts'>;
export type OperatorMonth = Answer<'/api/operator/month'>;
export type Stations = Answer<'/api/operator/stations'>;
export type StationsSecurity = Answer<'/api/operator/security/stations'>;
export type GuestsTaken = Answer<'/api/stations/{station_id}/guests'>;
export type StationDetail = Answer<'/api/operator/stations/{station_id}'>;
export type Review = Answer<'/api/operator/review'>;
export type ReviewedSession = Answer<'/api/operator/review/sessions/{session_id}'>;
export type ReviewedMessage = Answer<'/api/operator/review/messages/{message_id}'>;
export type SecurityEvents = Answer<'/api/operator/security/events'>;
