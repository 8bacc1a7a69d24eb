/** What the server tells; see its OpenAPI document. */
export interface State { key: string; params: Record<string, string | number | boolean | null> }
export interface Me { login_id: string; email: string; locale: string; name: string; account: { id: string; name: string }; roles: string[]; person_id: string | null; currency: string; hotline: string | null }
export interface Component { dimension: string; band: string; unit_price: string; from: string | null; to: string | null; grace_minutes: number | null; cap_minor: number | null }
export interface Place {
  code: string; station_name: string; place: string; site_name: string; site_address: string; connector: number; state: State; online: boolean;
  max_power_w: number; price: { currency: string; components: Component[]; vat_rate: string } | null; can_start: boolean; refusal: string | null;
  session_id: string | null; request_id: string | null; hotline: string | null;
}
export interface Request { id: string; code: string; station_name: string; state: string; reason: string | null; deadline: string; session_id: string | null }
export interface Line { dimension: string; band: string; quantity: string; unit: string; unit_price: string; amount_minor: number }
export interface Session {
  id: string; code: string; station_name: string; place: string; site_name: string; state: State; by: string; badge_tail: string | null; started_at: string;
  stopped_at: string | null; energy_wh: number; power_w: number | null; duration_s: number; data_at: string; meter_start_wh: number; meter_stop_wh: number | null;
  cost: { currency: string; gross_minor: number; net_minor: number; vat_minor: number; final: boolean } | null; lines: Line[]; stop_reason: string | null; bill_id: string | null;
}
export interface Month { period: string; energy_wh: number; gross_minor: number; sessions: number }
export interface Bill {
  id: string; number: string; period_start: string; period_end: string; issued_on: string; due_on: string; currency: string; net_minor: number; vat_minor: number;
  gross_minor: number; open_minor: number; status: string; reference: string; energy_wh: number; lines?: Line[]; sessions?: Session[]; resident_name?: string;
}
export interface Home { running: Session[]; requests: Request[]; month: Month & { currency: string; last_year_energy_wh: number | null }; connectors: Place[]; bills_open: Bill[]; last_sessions: Session[] }
export interface Badge { id: string; label: string; tail: string; state: string; last_used_at: string | null }
export interface Revenue { station_id: string | null; name: string; sessions: number; energy_wh: number; gross_minor: number; net_minor: number; vat_minor: number; internal_net_minor: number; external_net_minor: number; reimbursed_minor: number; withheld_minor: number }
export interface Payout { id: string; site_name: string; period: string; currency: string; amount_minor: number; withheld_minor: number; gross_minor: number; state: string; created_at: string; iban_tail: string; reference: string }
