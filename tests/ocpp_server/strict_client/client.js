// A charging station made with ocpp-rpc in strict mode: every message either way is held against its schema.
// Usage: node client.js URL IDENTITY PASSWORD ID_TAG START STOP VERSION; commands of the server and results are printed as JSON lines.
const { RPCClient } = require('ocpp-rpc');

const [url, identity, password, idTag, start, stop, version] = process.argv.slice(2);

function say(step, what) {
  process.stdout.write(JSON.stringify({ step, what }) + '\n');
}

async function main() {
  const client = new RPCClient({
    endpoint: url, identity, password, protocols: [version], strictMode: true, reconnect: false, callTimeoutMs: 10000,
  });
  const remote = new Promise((resolve) => {
    const start = version === 'ocpp1.6' ? 'RemoteStartTransaction' : 'RequestStartTransaction';
    client.handle(start, ({ params }) => { resolve(params); return { status: 'Accepted' }; });
  });
  client.on('strictValidationFailure', (failure) => say('violation', String(failure.error || failure)));
  client.handle('TriggerMessage', () => ({ status: 'Accepted' }));
  await client.connect();
  say('protocol', client.protocol);
  const call = async (action, params) => { const answer = await client.call(action, params); say(action, answer); return answer; };
  await (version === 'ocpp1.6' ? old(call) : recent(call));
  try { await client.call('ClearCache', {}); say('unknown', 'answered'); } catch (error) { say('unknown', error.rpcErrorCode); }
  say('ready', true);
  say('remote', await remote);
  await client.close();
  say('closed', true);
}

async function old(call) {
  await call('BootNotification', { chargePointVendor: 'Strict', chargePointModel: 'S1', firmwareVersion: '1.0' });
  await call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
  await call('Heartbeat', {});
  await call('Authorize', { idTag });
  const { transactionId } = await call('StartTransaction', { connectorId: 1, idTag, meterStart: 1000, timestamp: start });
  await call('MeterValues', {
    connectorId: 1, transactionId,
    meterValue: [{ timestamp: stop, sampledValue: [{ value: '2.5', unit: 'kWh', measurand: 'Energy.Active.Import.Register' }] }],
  });
  await call('StopTransaction', { transactionId, idTag, meterStop: 3000, timestamp: stop, reason: 'Local' });
  await call('DataTransfer', { vendorId: 'Strict', data: 'hello' });
}

async function recent(call) {
  const idToken = { idToken: idTag, type: 'ISO14443' };
  const evse = { id: 1, connectorId: 1 };
  const shown = (timestamp, value, context) => [{ timestamp, sampledValue: [{ value, context, measurand: 'Energy.Active.Import.Register' }] }];
  const event = (eventType, seqNo, timestamp, triggerReason, more) => call('TransactionEvent', {
    eventType, seqNo, timestamp, triggerReason, evse, transactionInfo: { transactionId: 'strict-1' }, ...more,
  });
  await call('BootNotification', { reason: 'PowerUp', chargingStation: { vendorName: 'Strict', model: 'S2', firmwareVersion: '1.0' } });
  await call('StatusNotification', { timestamp: start, connectorStatus: 'Occupied', evseId: 1, connectorId: 1 });
  await call('Heartbeat', {});
  await call('Authorize', { idToken });
  await event('Started', 0, start, 'Authorized', { idToken, meterValue: shown(start, 1000, 'Transaction.Begin') });
  await event('Updated', 1, stop, 'MeterValuePeriodic', { meterValue: shown(stop, 2500, 'Sample.Periodic') });
  await event('Ended', 2, stop, 'StopAuthorized', { meterValue: shown(stop, 3000, 'Transaction.End') });
  await call('SecurityEventNotification', { type: 'StartupOfTheDevice', timestamp: start });
  await call('NotifyReport', {
    requestId: 1, seqNo: 0, generatedAt: start,
    reportData: [{ component: { name: 'OCPPCommCtrlr' }, variable: { name: 'HeartbeatInterval' }, variableAttribute: [{ value: '300' }] }],
  });
  await call('NotifyEvent', {
    generatedAt: start, seqNo: 0,
    eventData: [{
      eventId: 1, timestamp: start, trigger: 'Alerting', actualValue: '1', eventNotificationType: 'HardWiredNotification',
      component: { name: 'EVSE' }, variable: { name: 'Problem' },
    }],
  });
  await call('DataTransfer', { vendorId: 'Strict', data: 'hello' });
}

main().catch((error) => { say('failed', String(error.stack || error)); process.exitCode = 1; });
