/** What the server tells the console. */
import type { components } from '../lib/schema';
import type { Answer } from '../lib/types';

type Shapes = components['schemas'];
export type TrailLine = Shapes['TrailLine'];
export type SiteRow = Shapes['SiteRow'];
export type SitePage = Answer<'/api/sites/{site_id}'>;
export type PointRow = Shapes['PointRow'];
export type PointPage = Answer<'/api/billing-points/{point_id}'>;
export type Stay = Shapes['StayView'];
export type PersonRow = Shapes['PersonRow'];
export type PersonPage = Answer<'/api/people/{person_id}'>;
export type BadgeRow = Shapes['BadgeRow'];
export type BadgeRequest = Shapes['BadgeRequestRow'];
export type Tariff = Shapes['Tariff'];
export type Component = Shapes['Component'];
export type RowReport = Shapes['RowReport'];
export type Portfolio = Answer<'/api/admin/accounts'>;
export type Licence = Shapes['Licence'];
export type Application = Shapes['Request'];
export type AccessRequest = Shapes['AccessRequest'];
export type GrantRow = Shapes['GrantRow'];
export type Invitation = Shapes['Invitation'];
export type Created = Shapes['Created'];
export type Saved = Shapes['Saved'];
export type Found = Shapes['Found'];
export type Grants = Answer<'/api/grants'>;
export type Invitations = Answer<'/api/invitations'>;
