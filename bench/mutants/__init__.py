"""Mutation testing: is each decision in rules, judge, engine and desk held by a test?"""
