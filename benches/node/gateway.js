'use strict';
// The gateway that a partner would write by hand in an afternoon: issue the token, check it, pass the rest on.
// Settings come from the environment: PORT, UPSTREAM_PORT, TLS_CERT, TLS_KEY, TOKEN_KEY, USERNAME, PASSWORD, KEY_AS_TEXT.

const fs = require('fs');
const http = require('http');
const https = require('https');
const crypto = require('crypto');
const express = require('express');
const jwt = require('jsonwebtoken');
const httpProxy = require('http-proxy');

const env = process.env;
const app = express();
// Without an agent of its own http-proxy opens a connection for every request; somebody who measures once finds this out.
const agent = new http.Agent({ keepAlive: true });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${env.UPSTREAM_PORT}`, agent, xfwd: true });
proxy.on('error', (error, req, res) => {
  if (res.headersSent) res.destroy();
  else res.writeHead(502).end();
});

// Given a text, as its documentation shows it, jsonwebtoken first tries to read it as a public key, for every token: a millisecond.
const tokenKey = env.KEY_AS_TEXT ? env.TOKEN_KEY : crypto.createSecretKey(Buffer.from(env.TOKEN_KEY));
const wanted = Buffer.from(`${env.USERNAME}:${env.PASSWORD}`);
app.post('/api/token_generate', (req, res) => {
  const [scheme, given] = (req.get('authorization') || '').split(' ');
  const credentials = Buffer.from(given || '', 'base64');
  const good = credentials.length === wanted.length && crypto.timingSafeEqual(credentials, wanted);
  if (scheme !== 'Basic' || !good) return res.status(401).json({ status: 'FAILED', message: 'INVALID_CREDENTIALS' });
  const claims = { jti: crypto.randomUUID() };
  const options = { algorithm: 'HS256', issuer: 'bearergate', subject: env.USERNAME, expiresIn: 300 };
  res.json({ access_token: jwt.sign(claims, tokenKey, options), token_type: 'Bearer', expires_in: 300 });
});

app.use((req, res) => {
  const [scheme, token] = (req.get('authorization') || '').split(' ');
  try {
    if (scheme !== 'Bearer') throw new Error('no token');
    jwt.verify(token, tokenKey, { algorithms: ['HS256'], issuer: 'bearergate' });
  } catch {
    const versions = ['express', 'jsonwebtoken', 'http-proxy'].map((name) => `${name} ${require(`${name}/package.json`).version}`);
    return res.status(401).json({ error: true, gateway: `node ${process.version}, ${versions.join(', ')}` });
  }
  proxy.web(req, res);
});

const server = https.createServer({ cert: fs.readFileSync(env.TLS_CERT), key: fs.readFileSync(env.TLS_KEY) }, app);
server.keepAliveTimeout = 60000;
server.listen(Number(env.PORT), '127.0.0.1');
