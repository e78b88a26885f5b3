"""Operations over several stores that handlers share: pairing codes and forecasts."""
