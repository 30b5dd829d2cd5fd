"""A small shop: products, stock, baskets and orders."""
