// Checks the HubSpot sandbox with HubSpot's own Node client, unmodified.
//
//   cd "$(mktemp -d)" && npm install @hubspot/api-client@13.5.0
//   node /path/to/hubspot_node_check.mjs BASE_URL TOKEN
//
// The client is looked for in the working directory. Exits 1 at the first mismatch and says which.

import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [baseUrl, token] = process.argv.slice(2);
if (!baseUrl || !token) {
  console.error("usage: node hubspot_node_check.mjs BASE_URL TOKEN");
  process.exit(2);
}
const require = createRequire(join(process.cwd(), "package.json"));
const { Client } = require("@hubspot/api-client");
const client = new Client({ accessToken: token, basePath: baseUrl, numberOfApiCallRetries: 0 });

function equal(what, actual, expected) {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}: expected ${e}, got ${a}`);
  console.log(`ok ${what}`);
}

async function refused(what, code, call) {
  try {
    await call();
  } catch (error) {
    equal(what, error.code, code);
    return error.body;
  }
  throw new Error(`${what}: expected ${code}, but the call succeeded`);
}

const stamp = Date.now();
const email = (name) => `${name}-${stamp}@acme.example`;
const { contacts, companies, objects, owners, properties } = client.crm;

async function contactsOneByOne() {
  const made = await contacts.basicApi.create({
    properties: { email: email("ann"), firstname: "Ann" },
  });
  equal("create: e-mail", made.properties.email, email("ann"));
  equal("create: createdAt is a date", made.createdAt instanceof Date, true);
  const read = await contacts.basicApi.getById(made.id, ["email", "city"], ["email"]);
  equal("get: never set is null", read.properties.city, null);
  equal("get: history", read.propertiesWithHistory.email[0].sourceType, "INTEGRATION");
  const byEmail = await contacts.basicApi.getById(
    email("ann"), undefined, undefined, undefined, false, "email",
  );
  equal("get by e-mail", byEmail.id, made.id);
  const changed = await contacts.basicApi.update(made.id, { properties: { city: "Oslo" } });
  equal("update", changed.properties.city, "Oslo");
  const body = await refused("create again: 409", 409, () =>
    contacts.basicApi.create({ properties: { email: email("ann") } }));
  equal("create again: message", body.message, `Contact already exists. Existing ID: ${made.id}`);
  await refused("unknown property: 400", 400, () =>
    contacts.basicApi.update(made.id, { properties: { shoe_size: "44" } }));
  await contacts.basicApi.archive(made.id);
  await refused("get archived: 404", 404, () => contacts.basicApi.getById(made.id));
}

async function contactsInBatches() {
  const inputs = ["bea", "cy", "dan"].map((n) => ({ properties: { email: email(n) } }));
  const made = await contacts.batchApi.create({ inputs });
  equal("batch create: status", made.status, "COMPLETE");
  const ids = made.results.map((r) => r.id);
  equal("batch create: all made", ids.length, 3);
  const read = await contacts.batchApi.read({
    inputs: [...ids, "1"].map((id) => ({ id })), properties: ["email"], propertiesWithHistory: [],
  });
  equal("batch read: found", read.results.map((r) => r.id).sort(), [...ids].sort());
  equal("batch read: missing", read.errors[0].context.ids, ["1"]);
  const changed = await contacts.batchApi.update({
    inputs: ids.map((id) => ({ id, properties: { city: "Bergen" } })),
  });
  equal("batch update", changed.results.map((r) => r.properties.city),
    ["Bergen", "Bergen", "Bergen"]);
  return ids;
}

async function searching(ids) {
  const wanted = { propertyName: "email", operator: "CONTAINS_TOKEN", value: `*${stamp}*` };
  const request = {
    filterGroups: [{ filters: [wanted] }], sorts: ["email"], properties: ["email"],
    limit: 2, after: 0, // a number, as this client's callers send it
  };
  const deadline = Date.now() + 20_000; // the index trails by up to ten seconds
  let page = await contacts.searchApi.doSearch(request);
  while (page.total < 3 && Date.now() < deadline) {
    await pause(300); // five searches a second are allowed
    page = await contacts.searchApi.doSearch(request);
  }
  equal("search: total", page.total, 3);
  equal("search: page", page.results.map((r) => r.properties.email), [email("bea"), email("cy")]);
  const rest = await contacts.searchApi.doSearch({ ...request, after: page.paging.next.after });
  equal("search: last page", rest.results.map((r) => r.properties.email), [email("dan")]);
  equal("search: last page has no paging", rest.paging, undefined);
  equal("search: same records",
    [...page.results, ...rest.results].map((r) => r.id).sort(), [...ids].sort());
}

async function reading() {
  const company = await companies.basicApi.create({ properties: { name: `Acme ${stamp}` } });
  const all = await companies.getAll(undefined, undefined, ["name"]);
  equal("companies.getAll follows pages", all.some((c) => c.id === company.id), true);
  const people = await owners.ownersApi.getPage();
  equal("owners: types", people.results.every((o) => ["PERSON", "QUEUE"].includes(o.type)), true);
  const one = await owners.ownersApi.getById(Number(people.results[0].id));
  equal("owner by id", one.id, people.results[0].id);
  return one.id;
}

async function defining() {
  const name = `node_key_${stamp}`;
  const definition = {
    groupName: "task", name, label: "Node key", type: "string", fieldType: "text",
    hasUniqueValue: true,
  };
  const made = await properties.coreApi.create("tasks", definition);
  equal("property created", [made.name, made.hasUniqueValue], [name, true]);
  await refused("property again: 409", 409, () => properties.coreApi.create("tasks", definition));
  const all = await properties.coreApi.getAll("tasks");
  equal("property listed", all.results.some((p) => p.name === name), true);
  return name;
}

async function tasks(contactId, ownerId, key) {
  const task = await objects.tasks.basicApi.create({
    properties: {
      hs_timestamp: String(stamp), hs_task_subject: "Call", hubspot_owner_id: ownerId,
      [key]: `k-${stamp}`,
    },
    associations: [{
      to: { id: contactId },
      types: [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 204 }],
    }],
  });
  equal("task: owner", task.properties.hubspot_owner_id, ownerId);
  const ties = await client.crm.associations.v4.basicApi.getPage("contacts", contactId, "tasks");
  equal("task: tied to its contact",
    ties.results.map((t) => [String(t.toObjectId), t.associationTypes[0].typeId]),
    [[task.id, 203]]);
  const byKey = await objects.tasks.basicApi.getById(
    `k-${stamp}`, undefined, undefined, undefined, false, key,
  );
  equal("task: found by its unique key", byKey.id, task.id);
}

try {
  await contactsOneByOne();
  const ids = await contactsInBatches();
  await searching(ids);
  const ownerId = await reading();
  const key = await defining();
  await tasks(ids[0], ownerId, key);
  console.log("conforms");
} catch (error) {
  console.error(`MISMATCH ${error.message}`);
  process.exit(1);
}
