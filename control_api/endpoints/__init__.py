"""How endpoints are declared, and the OpenAPI document made from that."""
