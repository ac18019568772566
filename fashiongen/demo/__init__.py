"""The models in a browser (extra "demo"): `fashiongen demo`.

- `uploads`: what strangers send, checked before it is decoded.
- `studio`: the models, one request at a time, and what they draw on the way to a picture.
- `page`: the tabs.
- `server`: where the page is served, and what is left when it is not (nothing).
"""
