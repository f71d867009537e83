"""Routes."""

from django.urls import path

from django_shop import views

urlpatterns = [
    path("sync/<int:number>", views.sync_view),
    path("async/<int:number>", views.async_view),
    path("bridged/<int:number>", views.bridged_view),
    path("fail/<int:number>", views.failing_view),
]
