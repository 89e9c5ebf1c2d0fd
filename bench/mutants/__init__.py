"""Mutation testing: is each decision in rules, engine and desk held by a test?"""
