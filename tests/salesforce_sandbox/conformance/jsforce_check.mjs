// Third-party acceptance of the Salesforce sandbox: unmodified jsforce 3.10.x must be content.
//
//   npm i jsforce@3.10.16        (in a temporary directory, from which the next line is run;
//                                 later releases want Node 22)
//   node jsforce_check.mjs BASE_URL TOKEN
//
// The sandbox must be running; TOKEN is the bearer it was built with. Exits 1 on the first mismatch.
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const jsforce = require('jsforce');
const MANY = 450;

function expect(condition, message) {
  if (!condition) throw new Error(`mismatch: ${message}`);
}

function equal(actual, wanted, what) {
  expect(
    actual === wanted,
    `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(wanted)}`,
  );
}

const lead = (n) => ({ LastName: `Conformance ${n}`, Company: 'Jsforce Check', Email: `n${n}@example.com` });

async function login(baseUrl, token) {
  const conn = new jsforce.Connection({ instanceUrl: baseUrl, accessToken: token, version: '60.0' });
  const me = await conn.identity();
  expect(/^005\w{15}$/.test(me.user_id), `identity gives a user id: ${me.user_id}`);
  expect(/^00D\w{15}$/.test(me.organization_id), `identity gives an org id: ${me.organization_id}`);
  expect(conn.limitInfo.apiUsage.used > 0, 'the usage header is understood');
  return me;
}

async function describes(conn) {
  const all = await conn.describeGlobal();
  const names = all.sobjects.map((o) => o.name);
  for (const name of ['Lead', 'Task', 'User', 'Group']) {
    expect(names.includes(name), `describeGlobal lists ${name}`);
  }
  const described = await conn.describe('Lead');
  const owner = described.fields.find((f) => f.name === 'OwnerId');
  equal(owner.type, 'reference', 'type of Lead.OwnerId');
  expect(owner.referenceTo.includes('Group'), 'a queue may own a lead');
  equal(described.keyPrefix, '00Q', 'key prefix of Lead');
}

async function crud(conn) {
  const made = await conn.sobject('Lead').create(lead('one'));
  expect(made.success && made.id.length === 18, 'create gives an 18-character id');
  const read = await conn.sobject('Lead').retrieve(made.id);
  equal(read.LastName, 'Conformance one', 'LastName read back');
  const changed = await conn.sobject('Lead').update({ Id: made.id, Title: 'CTO' });
  expect(changed.success, 'update succeeds');
  equal((await conn.sobject('Lead').retrieve(made.id)).Title, 'CTO', 'Title after update');
  expect((await conn.sobject('Lead').destroy(made.id)).success, 'destroy succeeds');
  let code = 'none';
  try {
    await conn.sobject('Lead').retrieve(made.id);
  } catch (error) {
    code = error.errorCode;
  }
  expect(['ENTITY_IS_DELETED', 'NOT_FOUND'].includes(code), `a deleted lead is gone: ${code}`);
  code = 'none';
  try {
    await conn.query('SELECT Nonsense FROM Lead');
  } catch (error) {
    code = error.errorCode;
  }
  equal(code, 'INVALID_FIELD', 'code for an unknown field in SOQL');
}

async function collections(conn) {
  const records = Array.from({ length: MANY }, (_, n) => lead(n));
  const made = await conn.sobject('Lead').create(records, { allowRecursive: true });
  equal(made.length, MANY, 'results of a collections create');
  expect(made.every((r) => r.success), 'every row was created');
  return made.map((r) => r.id);
}

async function paging(conn, ids) {
  const soql = "SELECT Id, LastName FROM Lead WHERE Company = 'Jsforce Check' ORDER BY Id";
  let page = await conn.query(soql, { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
  equal(page.totalSize, MANY, 'totalSize');
  equal(page.records.length, 200, 'rows of the first page');
  const seen = page.records.map((r) => r.Id);
  while (!page.done) {
    page = await conn.queryMore(page.nextRecordsUrl);
    seen.push(...page.records.map((r) => r.Id));
  }
  equal(seen.length, MANY, 'rows over all pages');
  equal(new Set([...seen, ...ids]).size, MANY, 'the pages hold exactly the rows created');
}

async function changeAll(conn, ids) {
  const edits = ids.map((Id, n) => ({ Id, Title: `Title ${n}` }));
  const changed = await conn.sobject('Lead').update(edits, { allowRecursive: true });
  expect(changed.length === MANY && changed.every((r) => r.success), 'every row was updated');
  const titled = await conn.query("SELECT COUNT() FROM Lead WHERE Title LIKE 'Title %'");
  equal(titled.totalSize, MANY, 'rows with the new title');
  const gone = await conn.sobject('Lead').destroy(ids, { allowRecursive: true });
  expect(gone.length === MANY && gone.every((r) => r.success), 'every row was deleted');
  const left = await conn.query("SELECT COUNT() FROM Lead WHERE Company = 'Jsforce Check'");
  equal(left.totalSize, 0, 'rows left');
}

async function upserts(conn) {
  // jsforce puts the key into the address as it is, so it must be safe there.
  const key = 'jsforce-check.1';
  const task = { Fairlead_Key__c: key, Subject: 'Call back' };
  const first = await conn.sobject('Task').upsert(task, 'Fairlead_Key__c');
  expect(first.success && first.created === true, 'the first upsert creates');
  const second = await conn.sobject('Task').upsert({ ...task, Subject: 'Again' }, 'Fairlead_Key__c');
  expect(second.success && second.created === false, 'the second upsert updates');
  const rows = await conn.query(`SELECT Id, Subject FROM Task WHERE Fairlead_Key__c = '${key}'`);
  equal(rows.totalSize, 1, 'tasks under one key');
  equal(rows.records[0].Subject, 'Again', 'Subject after the second upsert');
  const both = [{ Fairlead_Key__c: key, Subject: 'Third' }, { Fairlead_Key__c: 'new', Subject: 'n' }];
  const many = await conn.sobject('Task').upsert(both, 'Fairlead_Key__c');
  equal(JSON.stringify(many.map((r) => r.created)), '[false,true]', 'created of a mixed upsert');
  await conn.sobject('Task').destroy(many.map((r) => r.id));
}

async function main([baseUrl, token]) {
  if (!baseUrl || !token) throw new Error('usage: node jsforce_check.mjs BASE_URL TOKEN');
  const conn = new jsforce.Connection({
    instanceUrl: baseUrl,
    accessToken: token,
    version: '60.0',
    maxRequest: 5,
  });
  const step = async (name, run) => {
    const result = await run();
    console.log(`ok  ${name}`);
    return result;
  };
  await step('token login and identity', () => login(baseUrl, token));
  await step('describeGlobal and describe', () => describes(conn));
  await step('create, retrieve, update, destroy', () => crud(conn));
  const ids = await step(`collections create of ${MANY}`, () => collections(conn));
  await step('query and queryMore', () => paging(conn, ids));
  await step('collections update and delete', () => changeAll(conn, ids));
  await step('upsert by external id', () => upserts(conn));
}

main(process.argv.slice(2)).then(
  () => console.log('jsforce is content'),
  (error) => {
    console.error(error.message, error.errorCode ?? '');
    process.exit(1);
  },
);
