// A charging station made with ocpp-rpc in strict mode: every message either way is held against its schema.
// Usage: node client.js URL IDENTITY PASSWORD; commands of the server and results are printed as JSON lines.
const { RPCClient } = require('ocpp-rpc');

const [url, identity, password, idTag, start, stop] = process.argv.slice(2);

function say(step, what) {
  process.stdout.write(JSON.stringify({ step, what }) + '\n');
}

async function main() {
  const client = new RPCClient({
    endpoint: url, identity, password, protocols: ['ocpp1.6'], strictMode: true, reconnect: false, callTimeoutMs: 10000,
  });
  const remote = new Promise((resolve) => {
    client.handle('RemoteStartTransaction', ({ params }) => { resolve(params); return { status: 'Accepted' }; });
  });
  client.on('strictValidationFailure', (failure) => say('violation', String(failure.error || failure)));
  client.handle('TriggerMessage', () => ({ status: 'Accepted' }));
  await client.connect();
  say('protocol', client.protocol);
  const call = async (action, params) => { const answer = await client.call(action, params); say(action, answer); return answer; };
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
  try { await client.call('ClearCache', {}); say('unknown', 'answered'); } catch (error) { say('unknown', error.rpcErrorCode); }
  say('ready', true);
  say('remote', await remote);
  await client.close();
  say('closed', true);
}

main().catch((error) => { say('failed', String(error.stack || error)); process.exitCode = 1; });
